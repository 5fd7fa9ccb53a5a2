/**
 * The elements of a comma list, trimmed, empty ones left out. Commas inside a quoted string or angle brackets do not separate
 * (RFC 3261 §7.3.1).
 */
export function splitList(value: string): string[] {
  const elements: string[] = [];
  let start = 0;
  let quoted = false;
  let bracketed = false;
  for (let at = 0; at < value.length; at++) {
    const char = value.charCodeAt(at);
    if (quoted) {
      if (char === BACKSLASH) at++;
      else if (char === QUOTE) quoted = false;
    } else if (char === QUOTE) quoted = true;
    else if (char === LESS) bracketed = true;
    else if (char === GREATER) bracketed = false;
    else if (char === COMMA && !bracketed) {
      push(elements, value.slice(start, at));
      start = at + 1;
    }
  }
  push(elements, value.slice(start));
  return elements;
}

function push(elements: string[], text: string): void {
  const element = text.trim();
  if (element !== '') elements.push(element);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const LESS = 0x3c;
const GREATER = 0x3e;
const BACKSLASH = 0x5c;
