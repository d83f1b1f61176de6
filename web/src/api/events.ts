/** The run's live events. Reconnects by itself; says when the server is out of reach. */
import { address, path } from './client';

export interface RunEvents {
  checkpoint: { index: number; step: number };
  statistics: { checkpoint: number; split: string };
  metrics: { step: number };
  state: { live: boolean };
  /** Another run appeared. */
  run: { id: string };
  /** Something was missed: ask for everything again. */
  reload: Record<string, never>;
}

export interface Listener {
  event: <K extends keyof RunEvents>(name: K, data: RunEvents[K]) => void;
  reachable: (yes: boolean) => void;
}

const NAMES: (keyof RunEvents)[] = ['checkpoint', 'statistics', 'metrics', 'state', 'run', 'reload'];

/** Listens until the returned function is called. */
export function listen(run: string, listener: Listener): () => void {
  const source = new EventSource(address(path('runs', run, 'events')));
  source.onopen = () => listener.reachable(true);
  source.onerror = () => listener.reachable(false);
  for (const name of NAMES) {
    source.addEventListener(name, (message) => {
      listener.event(name, JSON.parse((message as MessageEvent<string>).data) as never);
    });
  }
  return () => source.close();
}
