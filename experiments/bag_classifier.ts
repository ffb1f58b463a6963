/**
 * A classifier of bags of words — deep averaging network, Iyyer et al. 2015 (P15-1162), §3.
 * Idea   The smallest network with a hidden layer that can be taught and can teach: the mean of the
 *        words' vectors, one hidden layer, scores. A step takes a millisecond, so that an experiment may
 *        train a hundred of them; and its width is a bottleneck as narrow as one likes.
 * Maths  x = Σ_v share(v) · E_v;  scores = W₂ · relu(W₁ x + b₁) + b₂
 * Axes   B texts · V vocabulary · D width of the words' vectors · F width of the hidden layer · C classes
 * Differs from the paper: one hidden layer, no word is dropped, and the vectors are learned from nothing.
 * @module
 */
import { declare, type Declared, initialise, type Parameters } from "../core/parameters.ts";
import {
  add,
  einsum,
  keep,
  randomKey,
  read,
  relu,
  type Tensor,
  tensor,
} from "../core/tensor/mod.ts";
import type { Tokenizer } from "../core/text/tokenizer.ts";
import { linear } from "../core/training/learning_rate.ts";
import { startTraining, train } from "../core/training/loop.ts";
import { draws } from "../objectives/objective.ts";
import { type Chosen, type Example, hardLoss } from "./micro_tasks.ts";

/** The declared parameters of a classifier of bags. */
interface BagDeclared {
  words: Declared<"V D">;
  hidden: { weight: Declared<"F D">; bias: Declared<"F"> };
  output: { weight: Declared<"C F">; bias: Declared<"C"> };
}

/** A classifier of bags of words. */
export type Bag = Parameters<BagDeclared>;

/** Texts as shares of words, ready for the network. */
export interface Bags {
  /** Row after row, a share for each word that was seen. */
  readonly shares: readonly Float32Array[];
  /** The classes. */
  readonly labels: readonly number[];
}

/**
 * Count the tokens of texts, as shares of a text's length. All parts get the same columns: one for each token
 * that is in any of them, for a row of the whole vocabulary would be nearly all zeros.
 */
export function bagsOf(tokenizer: Tokenizer, ...parts: (readonly Example[])[]): Bags[] {
  const columns = new Map<number, number>();
  const counted = parts.map((examples) =>
    examples.map(({ text }) =>
      tokenizer.encode([text].flat().join(" ")).map(({ id }) => {
        if (!columns.has(id)) columns.set(id, columns.size);
        return columns.get(id)!;
      })
    )
  );
  const share = (pieces: readonly number[]) => {
    const row = new Float32Array(columns.size);
    for (const piece of pieces) row[piece] += 1 / pieces.length;
    return row;
  };
  return parts.map((examples, i) => ({
    shares: counted[i].map(share),
    labels: examples.map(({ label }) => label),
  }));
}

/** Rows of shares as a tensor. */
export const rowsOf = (shares: readonly Float32Array[]): Tensor<"B V"> => {
  const flat = new Float32Array(shares.length * shares[0].length);
  shares.forEach((row, b) => flat.set(row, b * row.length));
  return tensor("B V", flat, [shares.length, shares[0].length]);
};

/** The scores of every class. */
export function scoreBags({ words, hidden, output }: Bag, shares: Tensor<"B V">): Tensor<"B C"> {
  const x = einsum("B V, V D -> B D", shares, words);
  const bent = relu(add(einsum("B D, F D -> B F", x, hidden.weight), hidden.bias));
  return add(einsum("B F, C F -> B C", bent, output.weight), output.bias);
}

/** How a classifier of bags is trained. */
export interface BagOptions {
  /** Width of the hidden layer. */
  readonly width: number;
  /** Width of the words' vectors (default: that of the hidden layer). */
  readonly vectors?: number;
  /** Number of classes. */
  readonly classes: number;
  /** Steps. */
  readonly steps: number;
  /** Of first parameters and batches. */
  readonly seed: number;
  /** Texts a step (default 64). */
  readonly batch?: number;
  /** The highest learning rate (default 0.01). */
  readonly rate?: number;
  /** What is lost (default: the cross-entropy against the labels). */
  readonly loss?: (scores: Tensor<"B C">, chosen: Chosen) => Tensor<"">;
  /** Called every `every` steps with the classifier as it is then. */
  readonly watch?: { every: number; look: (bag: Bag, step: number) => Promise<void> };
}

/** A classifier, trained from nothing. */
export async function trainBag({ shares, labels }: Bags, options: BagOptions): Promise<Bag> {
  const { width, vectors = width, classes, steps, seed, batch = 64, rate = 0.01 } = options;
  const { loss = hardLoss, watch } = options;
  const linearLayer = <A extends string, B extends string>(
    to: A,
    many: number,
    of: B,
    few: number,
  ) => (
    {
      weight: declare(`${to} ${of}` as `${A} ${B}`, [many, few]),
      bias: declare(to, [many], "zeros"),
    }
  );
  const declared: BagDeclared = {
    words: declare("V D", [shares[0].length, vectors]),
    hidden: linearLayer("F", width, "D", vectors),
    output: linearLayer("C", classes, "F", width),
  };
  const params = await keep(initialise(declared, randomKey(seed), 0.5));
  const running = train(await startTraining(params, seed), {
    steps,
    batch: (key, step) => {
      const draw = draws(key), numbers = Array.from({ length: batch }, () => draw(shares.length));
      const chosen = tensor("B", numbers.map((i) => labels[i]));
      return [{
        bags: rowsOf(numbers.map((i) => shares[i])),
        chosen: { numbers, labels: chosen, done: step - 1 },
      }];
    },
    loss: (params: Bag, { bags, chosen }) => loss(scoreBags(params, bags), chosen),
    rate: linear({ peak: rate, warmup: Math.ceil(steps / 20), steps }),
    adamw: { decay: 0 },
  });
  for await (const { step } of running) {
    if (watch && step % watch.every === 0) await watch.look(params, step);
  }
  return params;
}

/** The scores of every class for each text, as rows. */
export async function bagScores(bag: Bag, { shares }: Bags): Promise<number[][]> {
  const scores = await read(scoreBags(bag, rowsOf(shares)));
  const classes = scores.length / shares.length;
  return shares.map((_, b) => [...scores.subarray(b * classes, (b + 1) * classes)]);
}
