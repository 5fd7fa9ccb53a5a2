import { randomBytes } from 'node:crypto';

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** One frame of a WebSocket client, RFC 6455 §5.2; masked, as it must be, unless a test wants otherwise. */
export function clientFrame(
  opcode: number,
  payload: string | Uint8Array,
  { final = true, masked = true, reserved = 0 } = {},
): Buffer {
  const body = Buffer.from(payload as string);
  const length =
    body.length < 126
      ? Buffer.from([body.length])
      : body.length < 65_536
        ? Buffer.from([126, body.length >> 8, body.length & 0xff])
        : Buffer.concat([Buffer.from([127, 0, 0, 0, 0]), Buffer.from(Uint32Array.of(body.length).buffer).reverse()]);
  length[0] = (length[0] as number) | (masked ? 0x80 : 0);
  const mask = masked ? randomBytes(4) : Buffer.alloc(4);
  const bytes = body.map((byte, at) => byte ^ (mask[at & 3] as number));
  const first = Buffer.from([(final ? 0x80 : 0) | reserved | opcode]);
  return Buffer.concat([first, length, ...(masked ? [mask] : []), bytes]);
}

/** What a server's frames say, in words: `text …`, `close 1002 …`. */
export function readServerFrames(bytes: Buffer): string[] {
  const said: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [first = 0, second = 0] = bytes.subarray(at);
    if ((second & 0x80) !== 0) throw new Error('a server masks nothing');
    const size = second < 126 ? 0 : second === 126 ? 2 : 8;
    const length = size === 0 ? second : bytes.readUIntBE(at + 2 + (size === 8 ? 2 : 0), size === 8 ? 6 : 2);
    const payload = bytes.subarray(at + 2 + size, at + 2 + size + length);
    said.push(inWords(first, payload));
    at += 2 + size + length;
  }
  return said;
}

function inWords(first: number, payload: Buffer): string {
  const names: Record<number, string> = { 129: 'text', 130: 'binary', 136: 'close', 137: 'ping', 138: 'pong' };
  const name = names[first] ?? `frame ${first}`;
  const text =
    name === 'close' && payload.length > 1 ? `${payload.readUInt16BE()} ${payload.subarray(2)}` : payload.toString();
  return `${name} ${text}`.trim();
}
