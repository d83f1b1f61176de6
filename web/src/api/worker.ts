/** The shared worker that follows the server for all tabs of this dashboard. */
import { Broker, type ToBroker } from './broker';

const broker = new Broker();

// The types of a shared worker's own scope exclude those of a page, which the other files need.
const scope = globalThis as unknown as { onconnect: ((event: MessageEvent) => void) | null };
scope.onconnect = ({ ports: [port] }) => {
  const member = broker.join((message) => port.postMessage(message));
  port.onmessage = ({ data }) => broker.receive(member, data as ToBroker);
};
