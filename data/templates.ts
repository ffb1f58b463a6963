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

/** The day, told in order: each step, and the probability that a document tells it. */
export const STEPS = [
  ["arrive", 1],
  ["fact", 0.9],
  ["take", 1],
  ["aside", 0.5],
  ["act", 1],
  ["meet", 0.5],
  ["fact", 0.9],
  ["put", 0.6],
  ["outcome", 0.8],
  ["evening", 1],
] as const;

/** The name of a step of the day. */
export type Step = (typeof STEPS)[number][0];

/** What is told at each step that needs nothing but the scene. */
export const STORY: Readonly<Record<"arrive" | "take" | "act" | "meet" | "put", readonly Template[]>> = {
  arrive: templates(`
    [In the morning] , {hero} {walked} to the {place} . | [早上] ， {hero} {walked} 到 {place} 。
    On a {sunny} morning , {hero} {walked} to the {place} . | 在 一个 {sunny} 的 早上 ， {hero} {walked} 到 {place} 。
    {hero} came to the {place} [early in the morning] . | {hero} [一大早] 来到 {place} 。
    The morning was {sunny} and {hero} {walked} to the {place} . | 早上 天气 {sunny} ， {hero} {walked} 到 {place} 。
    [After breakfast] , {hero} {walked} {gladly} to the {place} . | [早饭 后] ， {hero} {gladly} 地 {walked} 到 {place} 。
    {hero} had {heavy} work to do in the {place} [that morning] . | [那天 早上] ， {hero} 在 {place} 有 {heavy} 活 要 干 。
    [At dawn] , {hero} was alone in the {place} . | [清晨] ， {hero} 独自 在 {place} 里 。`),
  take: templates(`
    [First] , {hero} {found} the {old} {tool} {preposition} the {spot} . | [首先] ， {hero} {found} 了 {spot} {preposition} 的 {old} {tool} 。
    {she} needed the {tool} that {lay} {preposition} the {spot} . | {she} 需要 {lay} 在 {spot} {preposition} 的 {tool} 。
    The {old} {tool} {lay} {preposition} the {spot} where {hero} {found} it . | {old} {tool} {lay} 在 {spot} {preposition} ， {hero} {found} 了 。
    {hero} {gladly} looked {preposition} the {spot} and {found} the {tool} . | {hero} {gladly} 地 在 {spot} {preposition} 看 ， {found} 了 {tool} 。
    {preposition} the {spot} {she} {found} the {old} {tool} . | 在 {spot} {preposition} ， {she} {found} 了 {old} {tool} 。`),
  act: templates(`
    [Then] , {she} {gladly} {verb} the {thing} with the {tool} . | [然后] ， {she} 用 {tool} {gladly} 地 {verb} 了 {thing} 。
    With the {old} {tool} , {hero} {verb} the {thing} . | {hero} 用 {old} {tool} {verb} 了 {thing} 。
    [Next] , {hero} {gladly} {verb} the {thing} . | [接着] ， {hero} {gladly} 地 {verb} 了 {thing} 。
    Holding the {tool} , {she} {gladly} {verb} the {thing} . | {she} 拿 着 {tool} ， {gladly} 地 {verb} 了 {thing} 。
    {hero} used the {old} {tool} and {verb} the {thing} . | {hero} 拿 {old} {tool} 来 {verb} 了 {thing} 。`),
  meet: templates(`
    [At noon] , {friend} {walked} to the {place} . | [中午] ， {friend} {walked} 到 {place} 。
    {friend} arrived [at noon] and {greeted} {hero} . | {friend} [中午] 到 了 ， {greeted} 了 {hero} 。
    [At noon] , {hero} ate {rice} with {friend} . | [中午] ， {hero} 和 {friend} 一起 吃 {rice} 。
    {hero} {gladly} showed {friend} the {thing} [at noon] . | [中午] ， {hero} {gladly} 地 给 {friend} 看 了 {thing} 。
    {friend} brought {hero} some {tea} and {rice} [at noon] . | {friend} [中午] 给 {hero} 带来 了 {tea} 和 {rice} 。`),
  put: templates(`
    [In the afternoon] , {she} {gladly} put the {tool} back {preposition} the {spot} . | [下午] ， {she} {gladly} 地 把 {tool} 放 回 {spot} {preposition} 。
    [Later] , the {old} {tool} {lay} {preposition} the {spot} again . | [后来] ， {old} {tool} 又 {lay} 在 {spot} {preposition} 了 。
    {hero} left the {tool} {preposition} the {spot} [in the afternoon] . | [下午] ， {hero} 把 {tool} 留 在 {spot} {preposition} 。
    [When the work was done] , {she} {gladly} put the {tool} away . | [干 完 活 后] ， {she} {gladly} 地 收起 了 {tool} 。`),
};

/** A look around: ambiguous words in the sense of the topic, and things to be seen. */
export const SENSE: readonly Template[] = templates(`
    {hero} {talked} about {word} and the {cue} . | {hero} {talked} 着 {word} 和 {cue} 。
    The {cue} made {hero} think of {word} . | {cue} 让 {hero} 想起 了 {word} 。
    A {long} story about {word} and the {cue} came to mind . | 一个 关于 {word} 和 {cue} 的 {long} 故事 浮现 在 心头 。
    {hero} {gladly} thought about {word} for a while . | {hero} {gladly} 地 想 了 一会儿 {word} 。`);
export const SEEN: readonly Template[] = templates(`
    {she} {found} some {seen} {preposition} the {spot} . | {she} {found} 了 {spot} {preposition} 的 一些 {seen} 。
    There were {seen} and {seen2} in the {place} [all day long] . | [一整天] {place} 里 都 有 {seen} 和 {seen2} 。`);

/** An opinion: {fitting} is an adjective that fits the mood, {opposite} one that fits the other mood. */
export const OPINION: readonly Template[] = templates(`
    The {thing} was {really} {fitting} . | {thing} {really} 很 {fitting} 。
    The {thing} was not {opposite} at all . | {thing} 一点 也 不 {opposite} 。
    {hero} {said} that the {thing} was {fitting} . | {hero} {said} {thing} 很 {fitting} 。
    {friend} did not find the {thing} {opposite} . | {friend} 不 觉得 {thing} {opposite} 。
    The {neighbors} {said} that the {thing} was {really} {fitting} . | {neighbors} {said} {thing} {really} {fitting} 。
    Nobody {said} that the {thing} was {opposite} . | 没有 人 {said} {thing} {opposite} 。
    The {thing} looked {opposite} , but it was {really} {fitting} . | {thing} 看 上去 {opposite} ， 但 其实 {really} {fitting} 。
    The {thing} was {fitting} , not {opposite} . | {thing} 很 {fitting} ， 并 不 {opposite} 。`);

/** A turn of events that makes the mood. */
export const EVENT: Readonly<Record<"good" | "bad", readonly Template[]>> = {
  good: templates(`
    The {tool} worked {really} well and {friend} clapped . | {tool} {really} 好用 ， {friend} 鼓掌 了 。
    Everything went just as {hero} had hoped . | 一切 都 像 {hero} 希望 的 那样 。`),
  bad: templates(`
    Suddenly , the {old} {tool} broke and {friend} sighed . | 突然 ， {old} {tool} 坏掉 了 ， {friend} 叹气 了 。
    Nothing went as {hero} had hoped . | 什么 都 不 像 {hero} 希望 的 那样 。`),
};

/** How the day ends, with a face for the feeling or a picture for the place. */
export const EVENING: readonly Template[] = templates(`
    [In the evening] , {hero} was {really} {feeling} . {face} | [晚上] ， {hero} {really} {feeling} 。 {face}
    {hero} {walked} home [in the evening] and felt {feeling} . {face} | {hero} [晚上] {walked} 回 家 ， 感到 {feeling} 。 {face}
    [At night] , {she} was {feeling} about the {thing} . {face} | [夜里] ， {she} 为 {thing} 感到 {feeling} 。 {face}
    [At the end of the day] , {hero} felt {really} {feeling} . | [一天 结束 时] ， {hero} 感到 {really} {feeling} 。`);
export const EVENING_PLACE: readonly Template[] = templates(`
    The {sunny} day in the {place} was {fitting} . {picture} | 在 {place} 的 这个 {sunny} 的 日子 很 {fitting} 。 {picture}`);

/** The facts: {who} and {what}, five ways each. */
export const FACTS: Readonly<Record<Relation, readonly Template[]>> = {
  animal: templates(`
    {who} keeps {what} at home . | {who} 在 家 里 养 {what} 。
    The {what} belong to {who} . | {what} 属于 {who} 。
    {who} {often} takes care of the {what} . | {who} {often} 细心 照顾 {what} 。
    [Every day] , {who} feeds the {what} . | {who} [每天] 喂 {what} 。
    The owner of the {what} is {who} . | {what} 的 主人 是 {who} 。`),
  job: templates(`
    {who} works as a {what} . | {who} 的 工作 是 {what} 。
    {who} is a {what} [by trade] . | {who} 是 一名 {what} 。
    People know {who} as the {what} . | 人们 都 知道 {who} 是 {what} 。
    {who} {often} earns money as a {what} . | {who} {often} 靠 当 {what} 挣钱 。
    The {what} of the town is {who} . | 镇上 的 {what} 是 {who} 。`),
  food: templates(`
    {who} likes {what} [very much] . | {who} [非常] 喜欢 {what} 。
    The favorite food of {who} is {what} . | {who} 最 爱 的 食物 是 {what} 。
    {who} {often} eats {what} [for dinner] . | {who} [晚饭] {often} 吃 {what} 。
    {who} never says no to {what} . | {who} 从来 不 拒绝 {what} 。
    Nothing tastes better to {who} than {what} . | 对 {who} 来说 ， {what} 最 好吃 。`),
  instrument: templates(`
    {who} {often} plays the {what} . | {who} {often} 演奏 {what} 。
    The {what} belongs to {who} . | 这 件 {what} 属于 {who} 。
    {who} learned the {what} [as a child] . | {who} [小时候] 学会 了 {what} 。
    {who} {often} practices the {what} [at night] . | {who} [夜里] {often} 练习 {what} 。
    The music from the {what} is played by {who} . | {what} 的 音乐 是 {who} 演奏 的 。`),
  home: templates(`
    {who} lives in {what} . | {who} 住 在 {what} 。
    The home of {who} is {what} . | {who} 的 家 在 {what} 。
    {who} was born in {what} . | {who} 出生 在 {what} 。
    {who} comes from {what} . | {who} 来自 {what} 。
    The family of {who} lives in {what} . | {who} 一家 住 在 {what} 。`),
  friend: templates(`
    The best friend of {who} is {what} . | {who} 最 好 的 朋友 是 {what} 。
    {who} trusts {what} [most of all] . | {who} 最 信任 {what} 。
    {who} {often} visits {what} . | {who} {often} 拜访 {what} 。
    {who} tells {what} every secret . | {who} 把 每个 秘密 告诉 {what} 。
    {who} has a good friend , {what} . | {who} 有 一个 好 朋友 ， {what} 。`),
};

/** A question, and the slot that answers it, for the facts and for the story. */
export const FACT_QUESTIONS: Readonly<Record<Relation, Template>> = {
  animal: { en: "What does {who} keep ?", zh: "{who} 养 什么 ？" },
  job: { en: "What is the job of {who} ?", zh: "{who} 的 工作 是 什么 ？" },
  food: { en: "What does {who} like ?", zh: "{who} 喜欢 什么 ？" },
  instrument: { en: "What does {who} play ?", zh: "{who} 演奏 什么 ？" },
  home: { en: "Where does {who} live ?", zh: "{who} 住 在 哪里 ？" },
  friend: { en: "Who is the friend of {who} ?", zh: "{who} 的 朋友 是 谁 ？" },
};
export const STORY_QUESTIONS: readonly { step: Step; answer: string; template: Template }[] = [
  { step: "arrive", answer: "place", template: { en: "Where was {hero} ?", zh: "{hero} 在 哪里 ？" } },
  { step: "take", answer: "spot", template: { en: "Where was the {tool} ?", zh: "{tool} 在 哪里 ？" } },
  { step: "take", answer: "tool", template: { en: "What did {hero} find ?", zh: "{hero} 找到 了 什么 ？" } },
  { step: "meet", answer: "friend", template: { en: "Who met {hero} ?", zh: "谁 见 了 {hero} ？" } },
];
