/** Reads numerals back, by dictionaries of their own: what the speakers of the engine are checked against. */

const RUSSIAN: readonly [string, readonly string[]][] = [
  ['0', ['ноль', 'нуля']],
  ['1', ['один', 'одна', 'одно', 'одну', 'одного', 'одной']],
  ['2', ['два', 'две', 'двух']],
  ['3', ['три', 'трёх']],
  ['4', ['четыре', 'четырёх']],
  ['5', ['пять', 'пяти']],
  ['6', ['шесть', 'шести']],
  ['7', ['семь', 'семи']],
  ['8', ['восемь', 'восьми']],
  ['9', ['девять', 'девяти']],
  ['10', ['десять', 'десяти']],
  ['11', ['одиннадцать', 'одиннадцати']],
  ['12', ['двенадцать', 'двенадцати']],
  ['13', ['тринадцать', 'тринадцати']],
  ['14', ['четырнадцать', 'четырнадцати']],
  ['15', ['пятнадцать', 'пятнадцати']],
  ['16', ['шестнадцать', 'шестнадцати']],
  ['17', ['семнадцать', 'семнадцати']],
  ['18', ['восемнадцать', 'восемнадцати']],
  ['19', ['девятнадцать', 'девятнадцати']],
  ['20', ['двадцать', 'двадцати']],
  ['30', ['тридцать', 'тридцати']],
  ['40', ['сорок', 'сорока']],
  ['50', ['пятьдесят', 'пятидесяти']],
  ['60', ['шестьдесят', 'шестидесяти']],
  ['70', ['семьдесят', 'семидесяти']],
  ['80', ['восемьдесят', 'восьмидесяти']],
  ['90', ['девяносто', 'девяноста']],
  ['100', ['сто', 'ста']],
  ['200', ['двести', 'двухсот']],
  ['300', ['триста', 'трёхсот']],
  ['400', ['четыреста', 'четырёхсот']],
  ['500', ['пятьсот', 'пятисот']],
  ['600', ['шестьсот', 'шестисот']],
  ['700', ['семьсот', 'семисот']],
  ['800', ['восемьсот', 'восьмисот']],
  ['900', ['девятьсот', 'девятисот']],
  ['1000', ['тысяча', 'тысячу', 'тысячи', 'тысяч']],
  ['1000000', ['миллион', 'миллиона', 'миллионов']],
  ['1000000000', ['миллиард', 'миллиарда', 'миллиардов']],
];

const ENGLISH: readonly [string, readonly string[]][] = [
  ...'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'
    .split(' ')
    .map((word, n): [string, string[]] => [String(n), [word]]),
  ...'twenty thirty forty fifty sixty seventy eighty ninety'
    .split(' ')
    .map((word, n): [string, string[]] => [String(n * 10 + 20), [word]]),
  ['100', ['hundred']],
  ['1000', ['thousand']],
  ['1000000', ['million']],
  ['1000000000', ['billion']],
];

const values = (dictionary: readonly [string, readonly string[]][]): ReadonlyMap<string, number> =>
  new Map(dictionary.flatMap(([value, words]) => words.map((word) => [word, Number(value)] as const)));

/** Words below a thousand add up, each only below the one before; a thousand and above multiplies what stands before it, and those go down too. */
export function readRussian(words: string): number {
  const known = values(RUSSIAN);
  return readGroups(words, known, (group) => {
    let sum = 0;
    let limit = 1000;
    for (const value of group) {
      if (value >= limit) throw new Error(`«${words}»: ${value} out of place`);
      // After a ten a unit, after a hundred a ten or what is below 20.
      limit = value >= 100 ? 100 : value >= 20 ? 10 : 0;
      sum += value;
    }
    return sum;
  });
}

export function readEnglish(words: string): number {
  return readGroups(words, values(ENGLISH), (group) => {
    const hundred = group.indexOf(100);
    const rest = group.slice(hundred + 1);
    if (hundred > 1 || (rest.length === 2 && ((rest[0] ?? 0) < 20 || (rest[1] ?? 0) > 9)) || rest.length > 2) {
      throw new Error(`“${words}”: out of order`);
    }
    return (hundred === 1 ? (group[0] ?? 0) * 100 : 0) + rest.reduce((sum, value) => sum + value, 0);
  });
}

function readGroups(
  words: string,
  known: ReadonlyMap<string, number>,
  belowThousand: (group: readonly number[]) => number,
): number {
  let total = 0;
  let group: number[] = [];
  let last = Number.POSITIVE_INFINITY;
  for (const word of words.split(' ')) {
    const value = known.get(word);
    if (value === undefined) throw new Error(`no numeral: ${word} in ${words}`);
    if (value < 1000) {
      group.push(value);
    } else if (group.length === 0) {
      // A thousand billions.
      if (total === 0 || value <= last) throw new Error(`${words}: ${word} counts nothing`);
      total *= value;
      last = value;
    } else {
      if (value >= last) throw new Error(`${words}: ${word} out of order`);
      total += belowThousand(group) * value;
      last = value;
      group = [];
    }
  }
  return total + belowThousand(group);
}
