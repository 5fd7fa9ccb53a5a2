/** SIP messages as values: parse, read, change, print. No sockets, no timers. */
export { sameUri } from './compare-uris.ts';
export { type CSeq, parseCSeq, printCSeq } from './cseq.ts';
export { escapeUriHeader, escapeUser, percentDecode } from './escapes.ts';
export { Headers } from './headers.ts';
export { type HostPort, parseHostPort, printHostPort } from './host-port.ts';
export { type SipMessage, SipRequest, SipResponse } from './message.ts';
export { type NameAddr, parseNameAddr, printNameAddr } from './name-addr.ts';
export { canonicalName, headerKey } from './names.ts';
export { Params } from './params.ts';
export { parseMessage } from './parse.ts';
export { SipParseError } from './parse-error.ts';
export { printMessage } from './print.ts';
export { quote, unquote } from './quoted.ts';
export { reasonPhrase } from './reason-phrase.ts';
export { type ResponseParts, responseTo } from './response-to.ts';
export { splitList } from './split-list.ts';
export {
  type OtherUri,
  parseSipUri,
  parseUri,
  printUri,
  type SipUri,
  sipUri,
  type TelUri,
  type Uri,
  uriHeaders,
} from './uri.ts';
export { MAGIC_COOKIE, parseVia, printVia, type Via } from './via.ts';
