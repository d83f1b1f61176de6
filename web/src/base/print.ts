import { rested } from './idle';

/** Pictures that take longer than this are not waited for. */
const PATIENCE_MS = 8000;

/** Prints when every picture that is wanted is here. */
export async function printWhenRested(): Promise<void> {
  await rested(PATIENCE_MS);
  print();
}
