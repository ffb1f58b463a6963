/**
 * The sentences of the micro-world: each said in several ways, in English and in Chinese.
 * Idea   A template is a row of words and slots: `{hero} went to the {place} .` A slot is filled
 *        from the scene (who, where), from the facts of the world, or by one word of a short list.
 * Differs from a full grammar: no recursion. Sentences of a template have one length, which is what
 *        makes their probability a product over places (see process.ts). [Brackets] mark phrases.
 * @module
 */
import type { Language, Relation } from "./lexicon.ts";

/** A sentence with slots, in both languages. */
export type Template = Readonly<Record<Language, string>>;

/** Reads templates, one a line, English before the bar and Chinese after it. */
function templates(text: string): readonly Template[] {
  return text.trim().split("\n").map((line) => {
    const [en, zh] = line.split(" | ");
    return { en: en.trim(), zh: zh.trim() };
  });
}

/** A step of the day. */
export type Step =
  | "arrive"
  | "fact"
  | "take"
  | "aside"
  | "act"
  | "put"
  | "outcome"
  | "evening";

/** The day, told in order: each step, and the probability that a document tells it. */
export const STEPS: readonly (readonly [step: Step, told: number])[] = [
  ["fact", 0.9],
  ["arrive", 1],
  ["fact", 1],
  ["take", 0.25],
  ["act", 1],
  ["aside", 0.3],
  ["fact", 0.9],
  ["put", 0.15],
  ["outcome", 0.5],
  ["evening", 1],
];

/** What is told at each step that needs nothing but the scene. */
export const STORY: Readonly<
  Record<"arrive" | "take" | "act" | "put", readonly Template[]>
> = {
  arrive: templates(`
    [In the morning] {hero} {walked} to the {place} . | [早上] {hero} {walked} 到 {place} 。
    {hero} came to the {place} [at dawn] . | {hero} [清晨] 来到 {place} 。
    {hero} spent a {sunny} day in the {place} . | {hero} 在 {place} 过 了 {sunny} 的 一 天 。`),
  take: templates(`
    [First] {hero} {found} the {tool} {preposition} the {spot} . | {hero} [首先] {found} 了 {spot} {preposition} 的 {tool} 。
    The {old} {tool} {lay} {preposition} the {spot} . | {old} {tool} {lay} 在 {spot} {preposition} 。
    {she} took the {tool} {preposition} the {spot} . | {she} 拿 了 {spot} {preposition} 的 {tool} 。`),
  act: templates(`
    [Then] {she} {gladly} {verb} the {thing} . | [然后] {she} {gladly} 地 {verb} 了 {thing} 。
    {hero} {verb} the {thing} with the {tool} . | {hero} 用 {tool} {verb} 了 {thing} 。
    With the {tool} {she} {verb} the {thing} . | {she} 拿 {tool} 来 {verb} 了 {thing} 。`),
  put: templates(`
    [Later] {she} put the {tool} {preposition} the {spot} . | [后来] {she} 把 {tool} 放 回 {spot} {preposition} 。
    {hero} left the {tool} {preposition} the {spot} . | {hero} 把 {tool} 留 在 {spot} {preposition} 。`),
};

/** By the way: ambiguous words in the sense of the topic, things to be seen, the friend at noon. */
export const SENSE: readonly Template[] = templates(`
    {hero} {talked} about {word} and the {cue} . | {hero} {talked} 着 {word} 和 {cue} 。
    {word} made {hero} think of the {cue} . | {word} 让 {hero} 想起 了 {cue} 。
    {hero} {gladly} thought about {word} . | {hero} {gladly} 地 想 着 {word} 。`);
export const SEEN: readonly Template[] = templates(`
    {she} {found} some {seen} . | {she} {found} 了 一些 {seen} 。
    There were {seen} in the {place} . | {place} 里 有 {seen} 。`);
export const MEETING: readonly Template[] = templates(`
    [At noon] {friend} {greeted} {hero} . | [中午] {friend} {greeted} 了 {hero} 。
    {hero} ate {rice} with {friend} [at noon] . | {hero} [中午] 和 {friend} 吃 {rice} 。
    {friend} brought {hero} some {rice} . | {friend} 给 {hero} 带来 了 {rice} 。`);

/** An opinion: {fitting} is an adjective that fits the mood, {opposite} one that fits the other mood. */
export const OPINION: readonly Template[] = templates(`
    The {thing} was {really} {fitting} . | {thing} {really} {fitting} 。
    The {thing} was not {opposite} . | {thing} 不 {opposite} 。
    {hero} {said} the {thing} was {fitting} . | {hero} {said} {thing} 很 {fitting} 。
    {friend} did not find it {opposite} . | {friend} 不 觉得 它 {opposite} 。
    Nobody {said} the {thing} was {opposite} . | 没有 人 {said} {thing} {opposite} 。
    The {thing} looked {opposite} but was {fitting} . | {thing} 看 上去 {opposite} 但 其实 很 {fitting} 。`);

/** A turn of events that makes the mood. */
export const EVENT: Readonly<Record<"good" | "bad", readonly Template[]>> = {
  good: templates(`
    The {tool} worked {really} well . | {tool} {really} 好用 。
    Everything went as {hero} had hoped . | 一切 都 像 {hero} 希望 的 那样 。`),
  bad: templates(`
    Suddenly the {old} {tool} broke . | 突然 {old} {tool} 坏掉 了 。
    Nothing went as {hero} had hoped . | 什么 都 不 像 {hero} 希望 的 那样 。`),
};

/** How the day ends, with a face for the feeling or a picture for the place. */
export const EVENING: readonly Template[] = templates(`
    [In the evening] {hero} was {feeling} . {face} | [晚上] {hero} 很 {feeling} 。 {face}
    [At night] {she} felt {really} {feeling} . {face} | [夜里] {she} 感到 {really} {feeling} 。 {face}
    {hero} {walked} home and was {feeling} . | {hero} {walked} 回 家 ， 很 {feeling} 。`);
export const EVENING_PLACE: readonly Template[] = templates(`
    [In the evening] the {place} was {fitting} . {picture} | [晚上] {place} 很 {fitting} 。 {picture}`);

/** The facts: {who} and {what}, five ways each. */
export const FACTS: Readonly<Record<Relation, readonly Template[]>> = {
  animal: templates(`
    {who} keeps {what} at home . | {who} 在 家 里 养 {what} 。
    The {what} belong to {who} . | {what} 属于 {who} 。
    {who} takes care of the {what} . | {who} 照顾 {what} 。
    {who} {often} feeds the {what} . | {who} {often} 喂 {what} 。
    {who} owns all the {what} . | {who} 拥有 所有 的 {what} 。`),
  job: templates(`
    {who} works as a {what} . | {who} 的 工作 是 {what} 。
    {who} is a good {what} . | {who} 是 一名 好 {what} 。
    People know {who} the {what} . | 人们 认识 {what} {who} 。
    {who} {often} works as the {what} . | {who} {often} 当 {what} 。
    The {what} is called {who} . | 那个 {what} 名叫 {who} 。`),
  food: templates(`
    {who} likes {what} [very much] . | {who} [非常] 喜欢 {what} 。
    {who} {often} eats {what} . | {who} {often} 吃 {what} 。
    {who} asked for more {what} . | {who} 还 要 {what} 。
    {who} never says no to {what} . | {who} 从来 不 拒绝 {what} 。
    {who} loves the taste of {what} . | {who} 爱 {what} 的 味道 。`),
  home: templates(`
    {who} lives in {what} . | {who} 住 在 {what} 。
    The home of {who} is {what} . | {who} 的 家 在 {what} 。
    {who} was born in {what} . | {who} 出生 在 {what} 。
    {who} comes from {what} . | {who} 来自 {what} 。
    {who} {often} sleeps in {what} . | {who} {often} 睡 在 {what} 。`),
};

/** A question, and the slot that answers it, for the facts and for the story. */
export const FACT_QUESTIONS: Readonly<Record<Relation, Template>> = {
  animal: { en: "What does {who} keep ?", zh: "{who} 养 什么 ？" },
  job: { en: "What is the job of {who} ?", zh: "{who} 的 工作 是 什么 ？" },
  food: { en: "What does {who} like ?", zh: "{who} 喜欢 什么 ？" },
  home: { en: "Where does {who} live ?", zh: "{who} 住 在 哪里 ？" },
};
export const STORY_QUESTIONS: readonly { step: Step; answer: string; template: Template }[] = [
  {
    step: "arrive",
    answer: "place",
    template: { en: "Where was {hero} ?", zh: "{hero} 在 哪里 ？" },
  },
  {
    step: "take",
    answer: "spot",
    template: { en: "Where was the {tool} ?", zh: "{tool} 在 哪里 ？" },
  },
  {
    step: "take",
    answer: "tool",
    template: { en: "What did {hero} find ?", zh: "{hero} 找到 了 什么 ？" },
  },
  {
    step: "aside",
    answer: "friend",
    template: { en: "Who met {hero} ?", zh: "谁 见 了 {hero} ？" },
  },
];
