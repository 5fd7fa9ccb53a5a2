import type { Arrow, Graph, Node } from './graph.ts';

/**
 * A graph as the text of a Mermaid `stateDiagram-v2`. Of that language, whose grammar is a lexer of regular expressions that look for words anywhere in a
 * line, it uses four kinds of line: `state "…" as id`, the same with a `{`, `id --> id : …`, and `}`.
 */
export function mermaid(graph: Graph): string {
  const ids = new Ids();
  return ['stateDiagram-v2', ...lines(graph, ids, '  ')].join('\n');
}

function lines({ nodes, arrows }: Graph, ids: Ids, indent: string): string[] {
  return [
    ...nodes.flatMap((node) => declared(node, ids, indent)),
    ...arrows.map((arrow) => `${indent}${drawn(arrow, ids)}`),
  ];
}

function declared({ id, text, kind, inside }: Node, ids: Ids, indent: string): string[] {
  const label = [...(kind === 'state' ? [path(id)] : []), escaped(text)].filter(Boolean).join(' · ');
  const head = `${indent}state "${label}" as ${ids.of(id)}`;
  return inside ? [`${head} {`, ...lines(inside, ids, `${indent}  `), `${indent}}`] : [head];
}

function drawn({ from, to, text }: Arrow, ids: Ids): string {
  const arrow = `${from === undefined ? '[*]' : ids.of(from)} --> ${to === undefined ? '[*]' : ids.of(to)}`;
  const label = escaped(text);
  return label === '' ? arrow : `${arrow} : ${label}`;
}

/** Names of Mermaid for ours: Latin letters, digits and `_`, with a beginning that no word of the language has. Alike ones get numbers. */
class Ids {
  readonly #ids = new Map<string, string>();
  readonly #taken = new Set<string>();

  of(id: string): string {
    const known = this.#ids.get(id);
    if (known !== undefined) return known;
    const plain = `s_${id.replaceAll(':', '__').replace(/[^A-Za-z0-9_]/g, '_')}`;
    let free = plain;
    for (let number = 2; this.#taken.has(free); number++) free = `${plain}_${number}`;
    this.#taken.add(free);
    this.#ids.set(id, free);
    return free;
  }
}

/** A path as it is: a colon between its places means nothing inside quotes. */
const path = (id: string): string => id.split(':').map(escaped).join(':');

/**
 * Text that Mermaid shows as it is. All that could mean something to it (quotes, `;`, `:` but in a time of the day, `#`, `%%`, brackets, HTML, Markdown and
 * what Markdown makes a link or a list of) is written by its number; letters of any alphabet stay. `direction LR` is taken out of any line that has it, so its
 * first letter is written so too.
 */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replace(special, (found) => {
      const [first = ''] = found;
      return `#${first.codePointAt(0)};${found.slice(first.length)}`;
    });
}

const special = /[^\p{L}\p{M}\p{N} .,()«»/–·?:]|(?<!\d\d):|:(?!\d\d(?![^\s–,)]))|\.(?=\S)|(?<=^\d+)[.)]|direction/giu;
