import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FileError } from "../core/training/files.ts";
import { createWorld, questions } from "../data/mod.ts";
import { readCoNLL } from "../tasks/conll.ts";
import { type Asked, readSQuAD } from "../tasks/squad.ts";
import { labelsOf, readTSV } from "../tasks/tsv.ts";

async function file(content: string | Uint8Array): Promise<string> {
  const path = await Deno.makeTempFile();
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
  return path;
}

async function refuses(
  read: (path: string) => Promise<unknown>,
  content: string | Uint8Array,
  ...said: string[]
): Promise<void> {
  const path = await file(content);
  const { message } = await assertRejects(() => read(path), FileError);
  for (const part of [path, ...said]) assert(message.includes(part), `${message} lacks ${part}`);
}

Deno.test("labelled texts and pairs are read; empty lines, CRLF and a byte order mark do not matter", async () => {
  const one = await readTSV(await file("\ufeffgood\tA fine boat.\r\n\r\nbad\t It sank. \r\n"));
  assertEquals(one, [{ label: "good", text: "A fine boat." }, { label: "bad", text: "It sank." }]);
  const pairs = await readTSV(await file('yes\tIt "rains".\tIt is wet.'));
  assertEquals(pairs, [{ label: "yes", text: ['It "rains".', "It is wet."] }]);
});

Deno.test("a wrong line of labelled texts is told with its number", async () => {
  await refuses(readTSV, "good\tyes\n\nno tab here\n", "line 3", "1 column", "no tab here");
  await refuses(readTSV, "a\tb\tc\td\n", "line 1", "4 columns");
  await refuses(readTSV, "a\tb\na\tb\tc\n", "line 2", "3 columns, and 2 in the lines before");
  await refuses(readTSV, "a\tb\n\tb\n", "line 2", "column 1 is empty");
  await refuses(readTSV, "a\tb\na\t \n", "line 2", "column 2 is empty");
  await refuses(readTSV, "\n\n", "is empty");
  await refuses(readTSV, Uint8Array.of(97, 9, 98, 0xff), "byte 3");
  await assertRejects(() => readTSV("/nowhere.tsv"), FileError, "/nowhere.tsv");
});

Deno.test("a label that training has not seen is told with its line", async () => {
  const read = (path: string) => readTSV(path, ["bad", "good"]);
  await refuses(read, "good\tx\nfair\ty\n", "line 2", '"fair"', "bad, good");
  const tags = (path: string) => readCoNLL(path, ["O", "B-PER"]);
  await refuses(tags, "Mara B-PER\nsaw O\nRome B-LOC\n", "line 3", '"B-LOC"');
});

Deno.test("labels are what occurs, and must be two or more", () => {
  assertEquals(labelsOf(["b", "a", "b"]), ["a", "b"]);
  assertThrows(() => labelsOf(["a", "a"]), RangeError, 'every label is "a"');
});

Deno.test("tagged sentences are read: the first column, the last one, empty lines between", async () => {
  const text = "-DOCSTART- -X- O\n\nMara NNP B-PER\nslept VBD O\n\n\nRome  NNP B-LOC\n";
  assertEquals(await readCoNLL(await file(text)), [
    { words: ["Mara", "slept"], tags: ["B-PER", "O"] },
    { words: ["Rome"], tags: ["B-LOC"] },
  ]);
  const tabs = await readCoNLL(await file("New York\tB-LOC\n"));
  assertEquals(tabs, [{ words: ["New York"], tags: ["B-LOC"] }]);
});

Deno.test("a word without a tag, and other wrong lines, are told with their number", async () => {
  await refuses(readCoNLL, "Mara B-PER\nslept\n", "line 2", '"slept" has no tag');
  await refuses(readCoNLL, "Mara B-PER\nslept VBD O\n", "line 2", "3 columns, and 2");
  await refuses(readCoNLL, "Mara\t\tB-PER\n", "line 1", "column 2 is empty");
  await refuses(readCoNLL, "\n \n", "has no sentence");
  await refuses(readCoNLL, Uint8Array.of(0x80), "byte 0");
});

const squad = (context: unknown, ...qas: unknown[]) =>
  JSON.stringify({ data: [{ paragraphs: [{ context, qas }] }] });
const asked = (text: string, answer_start: number) => ({
  id: "q7",
  question: "Which?",
  answers: [{ text, answer_start }],
});

Deno.test("an answer's start counts code points, as Python does, and becomes one of slice", async () => {
  const path = await file(squad("😀😀 a boat", asked("boat", 5)));
  const [{ context, answers: [{ start, text }] }] = await readSQuAD(path);
  assertEquals(start, 7);
  assertEquals(context.slice(start, start + text.length), "boat");
  // Trap: with the number of the file, slice cuts elsewhere.
  assert(context.slice(5, 9) !== "boat");
});

Deno.test("every question of the micro-world survives the way through a file", async () => {
  const world = createWorld(1);
  for (const language of ["en", "zh"] as const) {
    const told = questions(world, { seed: 5, count: 60, language });
    const qas = told.map((q, i) => ({
      context: q.context,
      qas: [{
        id: i,
        question: q.question,
        answers: [{ text: q.answer, answer_start: [...q.context.slice(0, q.start)].length }],
      }],
    }));
    const found = await readSQuAD(await file(JSON.stringify({ data: [{ paragraphs: qas }] })));
    assertEquals(found.map(({ answers }) => answers[0].start), told.map(({ start }) => start));
  }
});

Deno.test("a question may have no answer, and a file may leave ids out", async () => {
  const none = { question: "Who?", is_impossible: true, plausible_answers: [] };
  const empty = { id: 2, question: "Who?", answers: [] };
  const found: Asked[] = await readSQuAD(await file(squad("a boat", none, empty)));
  assertEquals(found.map(({ id, answers }) => [id, answers.length]), [
    ["data[0].paragraphs[0].qas[0]", 0],
    ["2", 0],
  ]);
});

Deno.test("an answer that does not stand where the file says is told with its question", async () => {
  const wrong = squad("a boat", asked("boat", 3)), begins = "it begins at 2";
  await refuses(readSQuAD, wrong, "q7", "qas[0].answers[0]", '"boat"', begins);
  await refuses(readSQuAD, squad("a boat", asked("ship", 2)), "q7", "nowhere in the context");
  for (const start of [-1, 2.5, 1e12]) {
    await refuses(readSQuAD, squad("a boat", asked("boat", start)), "q7", begins);
  }
  await refuses(readSQuAD, squad("a boat", asked("", 0)), "q7");
});

Deno.test("what is not SQuAD's form is told with its place", async () => {
  await refuses(readSQuAD, "{", "not valid JSON");
  await refuses(readSQuAD, "[]", "data is missing");
  await refuses(readSQuAD, "null", "data is missing");
  await refuses(readSQuAD, '{"data": {}}', "data is no array");
  await refuses(readSQuAD, '{"data": [{}]}', "data[0].paragraphs is missing");
  await refuses(readSQuAD, squad(7), "data[0].paragraphs[0].context is no string");
  await refuses(readSQuAD, squad("x", {}), "qas[0].question is missing");
  await refuses(readSQuAD, squad("x", { question: "?" }), "qas[0].answers is missing");
  await refuses(readSQuAD, '{"data": []}', "no question");
});
