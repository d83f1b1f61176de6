import { expect, test } from 'vitest';
import { Coalesced } from './coalesced';

/** Promises that are settled by hand, in the order in which they were requested. */
function byHand() {
  const open: (() => void)[] = [];
  const failures: ((reason: Error) => void)[] = [];
  const settled = async () => {
    for (let n = 0; n < 8; n += 1) await Promise.resolve();
  };
  return {
    made: 0,
    make(): Promise<void> {
      this.made += 1;
      return new Promise((resolve, reject) => {
        open.push(resolve);
        failures.push(reject);
      });
    },
    async end() {
      failures.shift();
      open.shift()?.();
      await settled();
    },
    async fail() {
      open.shift();
      failures.shift()?.(new Error('failed'));
      await settled();
    },
  };
}

test('calls during the work lead to one more run, after the rest', async () => {
  const [work, rest] = [byHand(), byHand()];
  const coalesced = new Coalesced(
    () => work.make(),
    () => rest.make(),
  );
  void coalesced.run();
  expect(work.made).toBe(1);
  for (let n = 0; n < 5; n += 1) void coalesced.run();
  await work.end();
  // The page still works on what was read.
  void coalesced.run();
  expect([work.made, rest.made]).toEqual([1, 1]);
  await rest.end();
  expect(work.made).toBe(2);
  await work.end();
  await rest.end();
  expect(work.made).toBe(2);
  void coalesced.run();
  expect(work.made).toBe(3);
});

test('the answer is that of work begun after the question', async () => {
  const [work, rest] = [byHand(), byHand()];
  const coalesced = new Coalesced(
    () => work.make(),
    () => rest.make(),
  );
  let answered = 0;
  void coalesced.run();
  void coalesced.run().then(() => (answered += 1));
  await work.end();
  await rest.end();
  expect([work.made, answered]).toEqual([2, 0]);
  await work.end();
  expect(answered).toBe(1);
});

test('work that fails is reported and does not stop later calls', async () => {
  const [work, rest] = [byHand(), byHand()];
  const coalesced = new Coalesced(
    () => work.make(),
    () => rest.make(),
  );
  const first = coalesced.run();
  await Promise.all([expect(first).rejects.toThrow('failed'), work.fail()]);
  await rest.end();
  void coalesced.run();
  expect(work.made).toBe(2);
});
