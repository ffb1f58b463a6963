/**
 * Eight places to spend a day, and the words that belong there.
 * Idea   A document has one topic. It decides which tools, things and corners are spoken of, and in
 *        which sense an ambiguous word is meant: a `mouse` in the kitchen eats, one in the office clicks.
 * Differs from WordNet: two senses a word, never both in one topic.
 * @module
 */
import { entries, type Entry, entry } from "./lexicon.ts";

/** A piece of work: with the tool one does something to a thing. */
export interface Task {
  /** What the work is done with, e.g. `knife`. */
  readonly tool: Entry;
  /** What is done, e.g. `cut`. */
  readonly verb: Entry;
  /** What it is done to, e.g. `bread`. */
  readonly thing: Entry;
}

/** A corner where tools lie: "on the table". */
export interface Spot {
  /** E.g. `on`. */
  readonly preposition: Entry;
  /** E.g. `table`. */
  readonly noun: Entry;
}

/** One sense of an ambiguous word, with words that give it away. */
export interface Sense {
  /** The ambiguous word, e.g. `bank`. */
  readonly word: string;
  /** The name of the sense, e.g. `river`. */
  readonly sense: string;
  /** The word as it stands in a sentence, e.g. `the bank`. */
  readonly phrase: Entry;
  /** Words that go with this sense only. */
  readonly cues: readonly Entry[];
}

/** A topic. */
export interface Topic {
  /** Where it is, which is also its name. */
  readonly place: Entry;
  /** A picture of the place. */
  readonly emoji: Entry;
  /** What can be done there. */
  readonly tasks: readonly Task[];
  /** Where tools lie. */
  readonly spots: readonly Spot[];
  /** What else there is to see. */
  readonly seen: readonly Entry[];
  /** The ambiguous words that are used there. */
  readonly senses: readonly Sense[];
}

const PREPOSITIONS: Readonly<Record<string, string>> = {
  on: "上",
  in: "里",
  under: "下面",
  behind: "后面",
  beside: "旁边",
};

function task(text: string): Task {
  const [tool, verb, thing] = entries(text.replaceAll("/", ","));
  return { tool, verb, thing };
}

function spot(text: string): Spot {
  const [preposition, ...noun] = text.trim().split(" ");
  return {
    preposition: { en: preposition, zh: PREPOSITIONS[preposition] },
    noun: entry(noun.join(" ")),
  };
}

function sense(text: string): Sense {
  const [name, phrase, ...cues] = text.split(/[:,]/);
  const form = entry(phrase);
  return {
    word: form.en.split(" ").at(-1)!,
    sense: name.trim(),
    phrase: form,
    cues: cues.map(entry),
  };
}

const lines = (text: string) => text.trim().split("\n");

function topic(place: string, tasks: string, spots: string, seen: string, senses: string): Topic {
  const [en, zh, emoji] = place.split(" ");
  return {
    place: { en, zh },
    emoji: { en: emoji, zh: emoji },
    tasks: tasks.split(",").map(task),
    spots: spots.split(",").map(spot),
    seen: entries(seen),
    senses: lines(senses).map(sense),
  };
}

/** The topics, each: place and emoji; tool / verb / thing; corners; things to be seen; sense: word: cues. */
export const TOPICS: readonly Topic[] = [
  topic(
    "kitchen 厨房 🍲",
    "knife 刀 / cut 切 / bread 面包, pot 锅 / boiled 煮 / soup 汤, pan 平底锅 / fried 煎 / omelet 蛋饼, " +
      "spoon 勺子 / stirred 搅拌 / porridge 粥, bowl 碗 / mixed 拌 / salad 沙拉",
    "on table 桌子, on shelf 架子, in drawer 抽屉, behind stove 炉子",
    "plates 盘子, cups 杯子, onions 洋葱, jars 罐子, napkins 餐巾, spices 香料",
    `animal: the mouse 老鼠: crumb 面包屑, tail 尾巴, trap 捕鼠夹
     fire: the match 火柴: candle 蜡烛, flame 火苗, smoke 烟
     fruit: the apple 苹果: pie 馅饼, peel 果皮, juice 果汁
     fruit: the date 椰枣: sugar 糖, dessert 甜点, syrup 糖浆`,
  ),
  topic(
    "garden 花园 🌻",
    "spade 铲子 / turned 翻 / soil 泥土, rake 耙子 / cleared 清理 / lawn 草坪, hose 水管 / watered 浇 / rosebush 玫瑰丛, " +
      "shears 园艺剪 / trimmed 修剪 / hedge 树篱, gloves 手套 / pulled 拔 / weed 杂草",
    "in shed 棚子, beside fence 栅栏, under arbor 藤架, behind greenhouse 温室",
    "tulips 郁金香, worms 蚯蚓, butterflies 蝴蝶, seeds 种子, leaves 叶子, tomatoes 西红柿",
    `season: spring 春天: blossom 花朵, rain 雨, thaw 融雪
     growth: the plant 植物: root 根, sun 阳光, watering 浇水
     flower: the bulb 球茎: tulip 郁金香花, lily 百合, sprout 嫩芽
     enclosure: the pen 围栏: piglet 小猪, straw 稻草, goat 羊羔`,
  ),
  topic(
    "market 市场 🛒",
    "scale 秤 / weighed 称 / melon 瓜, purse 钱包 / bought 买 / carpet 地毯, cart 推车 / moved 搬 / barrel 木桶, " +
      "rope 绳子 / tied 捆 / parcel 包裹, cloth 抹布 / polished 擦亮 / kettle 水壶",
    "behind counter 柜台, under awning 遮阳篷, beside fountain 喷泉, in crate 箱子",
    "baskets 篮子, eggs 鸡蛋, peaches 桃子, shoes 鞋子, buttons 纽扣, ribbons 丝带",
    `money: the bank 银行: coin 硬币, loan 贷款, savings 存款
     jewel: the ring 戒指: gold 黄金, diamond 钻石, wedding 婚礼
     dog: the bark 狗叫: puppy 小狗, leash 狗绳, kennel 狗窝`,
  ),
  topic(
    "harbor 港口 🌊",
    "net 渔网 / caught 捕 / herring 鲱鱼, oar 船桨 / rowed 划 / boat 小船, bucket 水桶 / washed 清洗 / deck 甲板, " +
      "needle 针 / mended 修补 / sail 船帆, anchor 船锚 / stopped 停住 / raft 木筏",
    "on pier 码头, in cabin 船舱, behind lighthouse 灯塔, beside dune 沙丘",
    "gulls 海鸥, shells 贝壳, crabs 螃蟹, waves 海浪, ships 轮船, islands 岛屿",
    `animal: the seal 海豹: whisker 胡须, flipper 鳍, iceberg 冰山
     bird: the crane 鹤: feather 羽毛, nest 鸟巢, wing 翅膀
     tree: the palm 棕榈: coconut 椰子, sand 沙子, shade 树荫`,
  ),
  topic(
    "school 学校 📚",
    "key 钥匙 / opened 打开 / classroom 教室, chalk 粉笔 / wrote 写 / poem 诗, ruler 尺子 / drew 画 / triangle 三角形, " +
      "sponge 海绵 / wiped 擦 / blackboard 黑板, pencil 铅笔 / solved 解 / puzzle 谜题",
    "on desk 书桌, in cupboard 柜子, beside globe 地球仪, under bench 长凳",
    "books 书本, maps 地图, pupils 学生, crayons 蜡笔, numbers 数字, stories 故事",
    `hand: the palm 手掌: finger 手指, thumb 拇指, wrist 手腕
     game: the match 比赛: goal 进球, referee 裁判, team 球队
     club: the bat 球棒: pitcher 投手, helmet 头盔, inning 局
     alphabet: the letter 字母: vowel 元音, spelling 拼写, syllable 音节
     sound: the ring 铃声: bell 铃, alarm 警报, recess 课间`,
  ),
  topic(
    "workshop 工坊 🔨",
    "hammer 锤子 / fixed 修 / chair 椅子, saw 锯子 / split 锯开 / plank 木板, drill 钻头 / pierced 钻 / pipe 管子, " +
      "pliers 钳子 / bent 弯 / wire 电线, wrench 扳手 / loosened 拧松 / engine 发动机",
    "on workbench 工作台, in toolbox 工具箱, behind furnace 熔炉, beside ladder 梯子",
    "nails 钉子, screws 螺丝, bricks 砖头, chains 链条, wheels 轮子, hinges 铰链",
    `coil: the spring 弹簧: mattress 床垫, steel 钢, tension 张力
     factory: the plant 工厂: worker 工人, chimney 烟囱, shift 轮班
     light: the bulb 灯泡: socket 插座, switch 开关, glow 亮光
     machine: the crane 起重机: hook 吊钩, cargo 货物, concrete 混凝土`,
  ),
  topic(
    "forest 森林 🌲",
    "axe 斧头 / chopped 砍 / log 原木, lantern 灯笼 / lit 照亮 / path 小路, flint 火石 / kindled 点燃 / campfire 篝火, " +
      "blanket 毯子 / covered 盖住 / tent 帐篷, telescope 望远镜 / watched 观察 / fox 狐狸",
    "under oak 橡树, beside stream 小溪, in backpack 背包, behind boulder 巨石",
    "ferns 蕨草, owls 猫头鹰, berries 浆果, deer 鹿, acorns 橡果, squirrels 松鼠",
    `animal: the bat 蝙蝠: cave 山洞, dusk 黄昏, insect 昆虫
     river: the bank 河岸: river 河流, reed 芦苇, current 水流
     tree: the bark 树皮: branch 树枝, moss 苔藓, resin 树脂`,
  ),
  topic(
    "office 办公室 💻",
    "stapler 订书机 / fastened 钉 / report 报告, scissors 剪子 / unsealed 拆开 / envelope 信封, keyboard 键盘 / typed 打 / memo 备忘录, " +
      "marker 记号笔 / signed 签 / contract 合同, calculator 计算器 / checked 核对 / invoice 发票",
    "in folder 文件夹, beside monitor 显示器, behind cabinet 文件柜, on windowsill 窗台",
    "papers 纸张, clips 回形针, screens 屏幕, chairs 座椅, lamps 台灯, cables 电缆",
    `device: the mouse 鼠标: cursor 光标, click 点击, laptop 笔记本电脑
     company: apple 苹果公司: phone 手机, share 股票, software 软件
     day: the date 日期: calendar 日历, deadline 期限, month 月份
     stamp: the seal 印章: wax 蜡, document 文件, emblem 徽章
     mail: the letter 信件: postman 邮递员, address 地址, postage 邮资
     writing: the pen 钢笔: ink 墨水, signature 签名, notebook 笔记本`,
  ),
];
