/**
 * Reads the part of Mermaid's `stateDiagram-v2` that we write, as strictly as its parser, and stricter: the lexer (`stateDiagram.jison` of Mermaid 11) looks
 * for some words anywhere in a line, and takes the rest of a line that it understands only in part for something else without an error. Mermaid itself is
 * no dependency: it needs a DOM to parse, and with one it is 180 MB.
 */

export interface Diagram {
  /** By id, with the text that is shown and the id of the state around it. */
  readonly states: ReadonlyMap<string, { readonly text: string; readonly around: string | undefined }>;
  readonly arrows: readonly DiagramArrow[];
}

export interface DiagramArrow {
  /** `[*]`: where the block begins or ends. */
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly around: string | undefined;
}

/** What no line may have, because a rule of the lexer or of what is done before it takes it out of any line, or for something else. */
const traps: readonly RegExp[] = [
  /direction\s+(TB|BT|RL|LR)/i, // a direction
  /<<(fork|join|choice)>>|\[\[(fork|join|choice)\]\]/i, // a kind of state
  /%%/, // a comment or a directive
  /style.*:\S*#.*;|classDef.*:\S*#.*;/, // loses its last semicolon
  /[<>&](?!\s)(?<!--[>])/, // HTML
  /[\uFB02°¶ß](?=[°ß])/, // what entities become on the way
];

/** Words that begin a statement of another kind, or end one. */
const words =
  /^(click|href|default|direction|scale|accTitle|accDescr|classDef|class|style|state|note|end|hide|stateDiagram|as|fork|join|choice)$/i;

const name = String.raw`[A-Za-z]\w*`;
const label = String.raw`[^";\n{}]*`;
// A colon in the text of an arrow is followed by a letter or digit: `::` and `:;` end the text.
const statePattern = new RegExp(String.raw`^state "(${label}(?:;${label})*)" as (${name})( \{)?$`);
const arrowPattern = new RegExp(
  String.raw`^(\[\*\]|${name}) --> (\[\*\]|${name})(?: : ((?!:)(?:[^":\n{}]|:(?=\w))+))?$`,
);
const entity = /#(\d+);/g;

/** @throws Error that shows the line, unless Mermaid would draw exactly what it says */
export function readDiagram(text: string): Diagram {
  const [head, ...lines] = text.split('\n');
  if (head !== 'stateDiagram-v2') throw new Error(`not a state diagram: ${head}`);
  const states = new Map<string, { text: string; around: string | undefined }>();
  const arrows: DiagramArrow[] = [];
  const open: string[] = [];
  for (const full of lines) {
    const line = full.trim();
    const wrong = (what: string) => new Error(`${what}: ${full}`);
    if (traps.some((trap) => trap.test(line.replace(' --> ', ' ')))) throw wrong('means something else');
    const state = statePattern.exec(line);
    const arrow = arrowPattern.exec(line);
    if (line === '}') {
      if (open.pop() === undefined) throw wrong('closes nothing');
    } else if (state) {
      const [, shown = '', id = '', brace] = state;
      if (words.test(id) || states.has(id)) throw wrong('a name that cannot be had');
      states.set(id, { text: shownAs(shown, wrong), around: open.at(-1) });
      if (brace) open.push(id);
    } else if (arrow) {
      const [, from = '', to = '', shown = ''] = arrow;
      arrows.push({ from, to, text: shownAs(shown, wrong), around: open.at(-1) });
    } else throw wrong('not understood');
  }
  if (open.length > 0) throw new Error(`${open.at(-1)} is not closed`);
  for (const arrow of arrows) checkArrow(arrow, states);
  return { states, arrows };
}

/** The text with its entities replaced. Outside of them no `#` (a comment) and no `;` (the end of a statement) may stand. */
function shownAs(text: string, wrong: (what: string) => Error): string {
  if (/[#;]/.test(text.replace(entity, ''))) throw wrong('a bare # or ;');
  // A label is Markdown: these are not letters there.
  const bare = text.replace(entity, '');
  if (/[*_`~[\]\\|]|^[-+=]\s|^\d+[.)]|www\.|\w@\w/.test(bare)) throw wrong('Markdown');
  return text.replace(entity, (_, code) => String.fromCodePoint(Number(code)));
}

/** Mermaid draws an arrow only between states of the same box (a box is one of them), and makes a state of every name that it does not know. */
function checkArrow({ from, to, around }: DiagramArrow, states: Diagram['states']): void {
  for (const id of [from, to]) {
    if (id === '[*]') continue;
    const state = states.get(id);
    if (!state) throw new Error(`an arrow to or from ${id}, which is not declared`);
    if (state.around !== around) throw new Error(`an arrow from ${from} to ${to} crosses the border of a box`);
  }
  if (from === '[*]' && to === '[*]') throw new Error('an arrow from nowhere to nowhere');
}
