/**
 * The grammar of SIP, which the embedded server's message values already speak: they are pure (no sockets, no timers), so the engine's side reads
 * URIs and header values with them rather than with a second parser. The only import of `embedded/` in this folder.
 */
export {
  escapeUser,
  Headers,
  type NameAddr,
  Params,
  parseNameAddr,
  parseUri,
  parseVia,
  percentDecode,
  printUri,
  quote,
  reasonPhrase,
  SipParseError,
  type SipUri,
  splitList,
  type Uri,
  unquote,
  uriHeaders,
} from '../embedded/sip/message/index.ts';
