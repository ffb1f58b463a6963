/**
 * Matrix products: sizes, operands, a check, and how they are timed.
 *
 * Idea   A contender is asked for several products at once and waits for the last: the results stay on
 *        the device, and a GPU is not idle between two of them.
 * @module
 */
import { duration, median, report } from "../measured.ts";

/** A batch of products of m × k by k × n. */
export interface Shape {
  name: string;
  batch: number;
  m: number;
  k: number;
  n: number;
}

const square = (size: number): Shape => ({ name: `${size}`, batch: 1, m: size, k: size, n: size });

/** The sizes; the last one is for real GPUs only. */
export const SHAPES: readonly Shape[] = [
  ...[128, 256, 512, 1024].map(square),
  { name: "512 × 768 × 768", batch: 1, m: 512, k: 768, n: 768 },
  { name: "32 of 128 × 64 × 128", batch: 32, m: 128, k: 64, n: 128 },
  square(4096),
];

/** The sizes to measure, as the command line says: with `large`, those for real GPUs, too. */
export const shapesFor = (large: boolean): readonly Shape[] => large ? SHAPES : SHAPES.slice(0, -1);

/** Both operands, row-major. */
export function operands({ batch, m, k, n }: Shape): Float32Array<ArrayBuffer>[] {
  return [spread(batch * m * k, 0.618), spread(batch * k * n, 0.414)];
}

/** Numbers between −0.5 and 0.5 that do not repeat: multiples of an irrational step. */
function spread(count: number, step: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => (i * step) % 1 - 0.5);
}

/** Throws where a product is wrong; some of its numbers are looked at. */
export function verify(product: ArrayLike<number>, shape: Shape): void {
  const { batch, m, k, n } = shape, [a, b] = operands(shape);
  for (let at = 0; at < product.length; at += 1 + Math.floor(product.length / 97)) {
    const column = at % n, row = Math.floor(at / n), matrix = Math.floor(row / m);
    let sum = 0;
    for (let i = 0; i < k; i++) sum += a[row * k + i] * b[(matrix * k + i) * n + column];
    if (!(Math.abs(product[at] - sum) <= 1e-4 * Math.sqrt(k))) {
      throw new Error(`product ${shape.name}: number ${at} is ${product[at]}, not ${sum}`);
    }
  }
  if (product.length !== batch * m * n) throw new Error(`product ${shape.name}: wrong size`);
}

/** Report the speed of `run(times)`, which computes the product so many times to the end. */
export async function timeProduct(
  shape: Shape,
  run: (times: number) => Promise<unknown>,
): Promise<void> {
  const operations = 2 * shape.batch * shape.m * shape.k * shape.n;
  await run(2);
  const once = await duration(() => run(4)) / 4;
  const times = Math.max(1, Math.min(2000, Math.ceil(150 / once)));
  const speeds: number[] = [];
  for (let i = 0; i < 5; i++) {
    speeds.push(operations * times / await duration(() => run(times)) / 1e6);
  }
  report({ name: shape.name, value: median(speeds), unit: "GFLOP/s" });
}
