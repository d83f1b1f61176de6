import { waitUntilIdle } from './idle';

/** Pictures that take longer are printed as they are by then. */
const TIMEOUT_MS = 8000;

/** Prints as soon as every requested picture has been drawn. */
export async function printWhenIdle(): Promise<void> {
  await waitUntilIdle(TIMEOUT_MS);
  print();
}
