import type { EslConnection } from 'drachtio-fsmrf';

/**
 * Makes a connection write each command at once. Left to itself drachtio-modesl writes it line by line, and the kernel keeps all but the first line back until
 * FreeSWITCH's has acknowledged that, which it does 40 ms later (Nagle's algorithm and delayed acknowledgements): so much did each command cost.
 */
export function inOneWrite(connection: EslConnection): void {
  connection.socket?.setNoDelay(true);
  connection.send = (command, headers) => {
    const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}\n`);
    connection.socket?.write(`${command}\n${lines.join('')}\n`);
  };
}
