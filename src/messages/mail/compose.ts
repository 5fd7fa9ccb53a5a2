import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';

/**
 * The same for every attempt to send a letter: a server or reader that has it already can tell. Nothing else may be in it than what RFC 5322 §3.6.4 allows, so
 * the id is hashed.
 * @param from the sender's address; its domain makes the name unique in the world
 */
export function messageId(pbx: string, id: string, from: string): string {
  const hash = createHash('sha256').update(`${pbx}\n${id}`).digest('hex').slice(0, 40);
  return `<${hash}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}

/** Longer subjects are cut: readers show no more, and some servers refuse them. Characters. */
const LONGEST_SUBJECT = 250;
const LONGEST_NAME = 120;

/** One line without control characters: what callers and phones call themselves stands in it, and must not become a header of its own. */
export const headerText = (text: string, longest = LONGEST_SUBJECT): string =>
  [...text.toWellFormed().replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, ' ')].slice(0, longest).join('').trim();

/** The name of an attachment, as every system can store it. */
export const fileName = (name: string): string =>
  headerText(name.replaceAll(/[/\\:*?"<>|]/g, '_'), LONGEST_NAME) || 'file';

/** RFC 2045 §5.1; what is none is sent as bytes. */
export const mediaType = (type: string): string =>
  /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : 'application/octet-stream';

/** An address that can stand in an SMTP command and in a header: no spaces, brackets, commas, control characters; of RFC 5321 §4.5.3.1 the length. */
export const isAddress = (text: string): boolean =>
  text.length <= 254 && text.lastIndexOf('@') <= 64 && /^[^\s@<>,;:"()[\]\\\p{C}]+@[^\s@<>,;:"()\\\p{C}]+$/u.test(text);

/** As it goes over the wire: a domain in letters of any alphabet in its ASCII form (RFC 5890), as the server will name it too. */
export function wireAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1)) || address.slice(at + 1)}`;
}
