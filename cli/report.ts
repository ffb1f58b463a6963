/**
 * The report of a tour: one HTML file that needs nothing else.
 *
 * Idea   Pictures are SVG in the page, tables are tables, numbers are those that were measured.
 * @module
 */
import { heatMap, htmlTable, lineChart, smallMultiples } from "../drawing/svg.ts";
import type { Row } from "../drawing/table.ts";

/** What a tour found out. */
export interface Tour {
  /** Steps and losses of the masked LM on unseen documents, in nats. */
  curve: { step: number; loss: number }[];
  /** Losses of the training batches, step by step: masked LM, in the end also next sentence. */
  training: readonly number[];
  /** The loss of who knows nothing, ln V, and of who knows the world. */
  bounds: { uniform: number; floor: number };
  /** Facts in other words, and the model's guesses. */
  fills: { text: string; answer: string; guesses: string[] }[];
  /** Parts right on unseen texts. */
  sentiment: { accuracy: number; majority: number };
  /** The tokens of a sentence, and for each layer and head who looks at whom. */
  attention: { tokens: string[]; layers: number[][][][] };
  /** Sizes, counts and times. */
  numbers: Row[];
}

/** How far the loss has come from ln V to the floor, from 0 to 1. */
export function wayToFloor({ curve, bounds }: Tour): number {
  const { loss } = curve.at(-1)!;
  return (bounds.uniform - loss) / (bounds.uniform - bounds.floor);
}

const escape = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);

/** The page. */
export function reportPage(tour: Tour): string {
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const right = tour.fills.filter((f) => f.guesses.includes(f.answer)).length;
  const atOnce = tour.fills.filter((f) => f.guesses[0] === f.answer).length;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A tour of BERT</title>
<style>
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff }
svg { max-width: 100%; height: auto } table { border-collapse: collapse } mark { background: #cfe8cf }
</style>
<h1>A tour of BERT</h1>
<p>A small BERT, pre-trained from nothing on a small world, all in one command.</p>
<h2>What it is</h2>
${htmlTable(tour.numbers)}
<h2>Pre-training</h2>
<p>Loss on documents that it was not trained on: ${
    percent(wayToFloor(tour))
  } of the way from knowing
nothing (ln V) to the floor, the loss of a reader who knows how the documents are made.</p>
${lossPicture(tour)}
<h2>Facts in other words</h2>
<p>${atOnce} of ${tour.fills.length} facts are the first guess, ${right} among the first five. The
sentences were never seen: training told these facts in other words.</p>
${htmlTable(tour.fills.map(fillRow))}
<h2>Sentiment</h2>
<p>After fine-tuning ${
    percent(tour.sentiment.accuracy)
  } of unseen opinions are classified correctly;
always giving the more frequent class makes ${percent(tour.sentiment.majority)}.</p>
<h2>Who looks at whom</h2>
<p>Each picture is a head; rows are queries, columns are keys: ${
    escape(tour.attention.tokens.join(" "))
  }</p>
${attentionPicture(tour.attention)}
</html>
`;
}

const fillRow = ({ text, answer, guesses }: Tour["fills"][number]): Row => ({
  sentence: text,
  answer,
  "first five": guesses.join(", "),
  found: guesses.includes(answer) ? `yes, ${guesses.indexOf(answer) + 1}` : "no",
});

function lossPicture({ curve, training, bounds }: Tour): string {
  const every = training.map((_, i) => i + 1);
  return lineChart([
    {
      name: "masked LM, unseen documents",
      x: curve.map((c) => c.step),
      y: curve.map((c) => c.loss),
    },
    { name: "training batches: masked LM, in the end also next sentence", x: every, y: training },
  ], {
    title: "Loss",
    xLabel: "step",
    yLabel: "nats",
    floors: [{ name: "floor", y: bounds.floor }, { name: "ln V", y: bounds.uniform }],
  });
}

function attentionPicture({ tokens, layers }: Tour["attention"]): string {
  const panels = layers.map((heads, l) =>
    heads.map((weights, h) =>
      heatMap(weights, {
        title: `layer ${l + 1}, head ${h + 1}`,
        rows: tokens,
        columns: tokens,
        bare: true,
        range: [0, 1],
      })
    )
  );
  return smallMultiples(panels, {
    title: "Attention",
    rows: layers.map((_, l) => `layer ${l + 1}`),
    columns: layers[0].map((_, h) => `head ${h + 1}`),
  });
}
