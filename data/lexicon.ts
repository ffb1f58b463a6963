/**
 * The words of the micro-world, English and Chinese side by side.
 * Idea   Every word is an entry with its translation, so one story can be told in both languages,
 *        sentence by sentence. Names are invented; the rest is everyday vocabulary.
 * Differs from a dictionary: one translation each. A word with two senses has two entries, and
 *        Chinese tells them apart: the bank of the river is 河岸, the bank with the coins 银行.
 * @module
 */

/** A language of the micro-world. */
export type Language = "en" | "zh";

/** A word or name in both languages; spaces separate words. */
export type Entry = Readonly<Record<Language, string>>;

/** What a person can be told to have, be or like. */
export type Relation = "animal" | "job" | "food" | "home";

/** Reads one entry: English words, then one Chinese word. */
export function entry(text: string): Entry {
  const words = text.trim().split(" ");
  return { en: words.slice(0, -1).join(" "), zh: words[words.length - 1] };
}

/** Reads entries separated by commas. */
export function entries(text: string): readonly Entry[] {
  return text.split(",").map(entry);
}

/** The names of the women, then of the men. */
export const NAMES: { readonly she: readonly Entry[]; readonly he: readonly Entry[] } = {
  she: entries(
    "mara 玛拉, lena 莲娜, tilda 蒂达, oona 乌娜, sefa 赛法, nell 奈儿",
  ),
  he: entries(
    "tomas 托马, bram 布拉姆, odo 奥多, karel 卡雷, milo 米洛, ravi 拉维",
  ),
};

/** What people can have: every value has two owners, drawn by the seed of the world. */
export const VALUES: Readonly<Record<Relation, readonly Entry[]>> = {
  animal: entries(
    "bees 蜜蜂, goats 山羊, ducks 鸭子, sheep 绵羊, geese 大鹅, rabbits 兔子",
  ),
  job: entries(
    "baker 面包师, doctor 医生, painter 画家, tailor 裁缝, miller 磨坊主, weaver 织工",
  ),
  food: entries(
    "plums 李子, cheese 奶酪, honey 蜂蜜, noodles 面条, olives 橄榄, pears 梨子",
  ),
  home: entries(
    "silver lake 银湖, port amber 琥珀港, old hollow 老谷, red hill 红山, long meadow 长甸, stone bridge 石桥",
  ),
};

/** Adjectives that praise and adjectives that blame. */
export const ADJECTIVES: Readonly<Record<Mood, readonly Entry[]>> = {
  good: entries(
    "wonderful 精彩, lovely 可爱, perfect 完美, excellent 出色, beautiful 美丽, " +
      "pleasant 舒服, great 棒, nice 好, splendid 华丽, superb 优秀",
  ),
  bad: entries(
    "awful 糟糕, terrible 差劲, ugly 难看, horrible 吓人, poor 差, " +
      "dreadful 可怕, nasty 讨厌, dull 乏味, shabby 破旧, bad 坏",
  ),
};

/** How the day goes. */
export type Mood = "good" | "bad";

/** Feelings, each with the face that shows it. */
export const FEELINGS: Readonly<Record<Mood, readonly (readonly [feeling: Entry, face: Entry])[]>> =
  {
    good: feelings("happy 高兴 😀, glad 开心 😊, proud 自豪 😎, cheerful 愉快 😄, content 满足 😌"),
    bad: feelings("sad 难过 😢, angry 生气 😠, upset 烦恼 😞, gloomy 沮丧 😔, worried 担心 😟"),
  };

function feelings(text: string): readonly (readonly [Entry, Entry])[] {
  return text.split(",").map((item) => {
    const [en, zh, face] = item.trim().split(" ");
    return [{ en, zh }, { en: face, zh: face }];
  });
}

/** Words that may stand for one another, each list under the slot that it fills. */
export const VARIETY: Readonly<Record<string, readonly Entry[]>> = {
  walked: entries("walked 走, hurried 赶, strolled 逛, cycled 骑, rushed 奔, ran 跑"),
  sunny: entries(
    "sunny 晴朗, rainy 多雨, windy 多风, cold 寒冷, warm 温暖, foggy 多雾, cloudy 多云, snowy 多雪",
  ),
  gladly: entries(
    "slowly 缓慢, carefully 小心, quickly 快速, quietly 安静, gladly 乐意, calmly 平静, eagerly 急切, patiently 耐心",
  ),
  old: entries("old 旧, new 新, big 大, small 小, plain 普通, clean 干净, strong 结实, cheap 便宜"),
  found: entries("found 找到, noticed 注意到, spotted 发现, saw 看到, recognized 认出"),
  lay: entries("lay 放, rested 搁, stayed 留, remained 待"),
  greeted: entries("greeted 问候, hugged 拥抱, thanked 感谢, helped 帮助, teased 逗, visited 看望"),
  rice: entries(
    "rice 米饭, stew 炖菜, pasta 意面, fish 鱼, potatoes 土豆, sandwiches 三明治, peas 豌豆",
  ),
  talked: entries("talked 谈论, wondered 琢磨, joked 说笑, sang 唱, argued 争论, dreamed 梦想"),
  really: entries("really 真的, very 非常, quite 相当, truly 确实"),
  said: entries("said 说, thought 认为, believed 相信, felt 觉得, insisted 坚称, admitted 承认"),
  often: entries("often 经常, always 总是, sometimes 有时, usually 通常, still 仍然"),
};
