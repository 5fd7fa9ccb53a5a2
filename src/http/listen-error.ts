import { UserError } from '../errors.ts';
import type { HttpOptions } from './ports.ts';

/** What a failed bind means to the person who chose the address. */
export function cannotListen({ host, port }: HttpOptions['listen'], cause: NodeJS.ErrnoException): UserError {
  const where = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (cause.code === 'EADDRINUSE') {
    const hint = 'Stop the program that uses it, or choose another port in HTTP_LISTEN.';
    return new UserError('port-in-use', `${where} is in use by another program`, hint, { cause });
  }
  if (cause.code === 'EACCES') {
    const hint = 'Ports under 1024 need rights; choose another in HTTP_LISTEN.';
    return new UserError('port-forbidden', `not allowed to listen on ${where}`, hint, { cause });
  }
  const hint = 'Use an address that this machine has, or 0.0.0.0 for all of them, in HTTP_LISTEN.';
  return new UserError('http-listen', `cannot listen on ${where}: ${cause.message}`, hint, { cause });
}
