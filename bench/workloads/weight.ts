/**
 * Weights that are the same for every contender.
 *
 * @module
 */

/** The numbers of a parameter; the matrix of a linear layer is stored input by output. */
export interface Weight {
  shape: number[];
  values: Float32Array<ArrayBuffer>;
}

/** Sizes of a model. */
export interface ModelSizes {
  layers: number;
  width: number;
  heads: number;
  inner: number;
  vocabulary: number;
}

/** Some columns of a matrix, each as a row: the same matrix, output by input. */
export function turned(
  { shape: [rows, columns], values }: Weight,
  from = 0,
  to = columns,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array((to - from) * rows);
  for (let column = from; column < to; column++) {
    for (let row = 0; row < rows; row++) {
      result[(column - from) * rows + row] = values[row * columns + column];
    }
  }
  return result;
}

/**
 * The numbers of the parameter `name`, the `number`th of a model: gains are 1; all else are numbers between
 * −0.04 and 0.04, multiples of irrational steps.
 */
export function weightOf(name: string, shape: number[], number: number): Weight {
  return filled(name, shape, (i) => {
    const x = i * 0.7548776662466927 + number * 0.5698402909980532;
    return x - Math.floor(x);
  });
}

/** As `weightOf`, but random between −0.04 and 0.04: what is to be trained must have no pattern. */
export const randomWeight = (name: string, shape: number[], number: number): Weight =>
  filled(name, shape, uniforms(Math.imul(number + 1, 0x9e3779b1)));

/** A parameter of 1 if it is a gain, else of what `at` gives from 0 to 1, moved to −0.04 to 0.04. */
function filled(name: string, shape: number[], at: (i: number) => number): Weight {
  const values = new Float32Array(shape.reduce((n, s) => n * s));
  if (name.endsWith(".gain")) return { shape, values: values.fill(1) };
  for (let i = 0; i < values.length; i++) values[i] = 0.08 * (at(i) - 0.5);
  return { shape, values };
}

/** Random numbers between 0 and 1 by Marsaglia's 32-bit xorshift. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/** Weights by name, made one after another. */
export const weightsOf = (
  shapes: readonly [string, number[]][],
  make: typeof weightOf,
): Record<string, Weight> =>
  Object.fromEntries(shapes.map(([name, shape], i) => [name, make(name, shape, i)]));

/** Names and shapes of a layer: attention, norm, feed-forward network, norm. */
export function layerShapes(name: string, width: number, inner: number): [string, number[]][] {
  const linear = (name: string, from: number, to: number): [string, number[]][] => [
    [`${name}.weight`, [from, to]],
    [`${name}.bias`, [to]],
  ];
  return [
    ...["query", "key", "value", "output"].flatMap((part) =>
      linear(`${name}.attention.${part}`, width, width)
    ),
    ...normShapes(`${name}.attentionNorm`, width),
    ...linear(`${name}.feedForward.up`, width, inner),
    ...linear(`${name}.feedForward.down`, inner, width),
    ...normShapes(`${name}.feedForwardNorm`, width),
  ];
}

/** Names and shapes of a norm. */
export const normShapes = (name: string, width: number): [string, number[]][] => [
  [`${name}.gain`, [width]],
  [`${name}.bias`, [width]],
];
