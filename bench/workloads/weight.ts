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
