import type { DrachtioRequest } from '../../../src/sip/drachtio.ts';
import type { Source } from '../../../src/sip/port.ts';
import { readRequest, type SipRequest } from '../../../src/sip/request.ts';

export interface RequestParts {
  readonly method?: string;
  readonly uri?: string;
  readonly from?: string;
  readonly to?: string;
  readonly source?: Partial<Source>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as drachtio-srf would hand it over. By default ivanov calls 100 of acme.example from 198.51.100.7. */
export function nativeRequest(parts: RequestParts = {}): DrachtioRequest {
  const { method = 'INVITE', source = {} } = parts;
  const headers: Record<string, string> = {
    from: parts.from ?? '<sip:ivanov@acme.example>;tag=1',
    to: parts.to ?? '<sip:100@acme.example>',
    'call-id': 'c1',
    cseq: `1 ${method}`,
    ...parts.headers,
  };
  return {
    method,
    uri: parts.uri ?? 'sip:100@acme.example',
    headers,
    body: parts.body ?? '',
    source: 'network',
    protocol: source.protocol ?? 'udp',
    source_address: source.address ?? '198.51.100.7',
    source_port: source.port ?? 40_000,
    stackDialogId: undefined,
    get: (name) => headers[name.toLowerCase()] ?? headers[name],
    has: (name) => name.toLowerCase() in headers,
    on: () => undefined,
    cancel: () => undefined,
  };
}

export const requestOf = (parts: RequestParts = {}): SipRequest => readRequest(nativeRequest(parts));
