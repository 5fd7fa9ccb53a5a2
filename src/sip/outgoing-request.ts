import { errorText } from '../errors.ts';
import type { Random } from '../time/random.ts';
import { PRODUCT } from './capabilities.ts';
import { Challenges } from './challenged.ts';
import type { DrachtioRequest, DrachtioResponse, DrachtioSrf } from './drachtio.ts';
import { headerLines } from './header-fields.ts';
import { localFailure } from './local-failure.ts';
import { splitList } from './message.ts';
import { printParty } from './party.ts';
import { type FinalResponse, type HeaderFields, InviteFailure, type OutgoingRequest } from './port.ts';
import { hopUri, targetUri } from './target.ts';

/**
 * A request of ours outside of dialogs, repeated with credentials where they are asked for (RFC 3261 §22.2).
 * @param onLost tells when the connection to the SIP server breaks: the library forgets the request then
 * @throws InviteFailure
 */
export async function sendRequest(
  request: OutgoingRequest,
  {
    srf,
    random,
    onLost,
  }: {
    readonly srf: DrachtioSrf | undefined;
    readonly random: Random;
    readonly onLost: (listener: (cause: string) => void) => () => void;
  },
): Promise<FinalResponse> {
  const { method, target, from, to, headers, auth, series } = request;
  if (!srf) throw transportFailure('the SIP server is down');
  const server = srf;
  const uri = targetUri(target.uri);
  const challenges = auth && new Challenges(auth, random);
  const sequence = (): HeaderFields => (series ? { 'Call-ID': series.callId, CSeq: `${series.next()} ${method}` } : {});
  let fields: HeaderFields = {
    'User-Agent': PRODUCT,
    ...headers,
    From: printParty(from),
    To: printParty(to),
    ...sequence(),
  };
  for (;;) {
    const { sent, response } = await once(fields);
    const credentials = challenges?.answer(response, { method, uri });
    if (!credentials) return finalOf(response);
    fields = {
      ...fields,
      ...credentials,
      From: sent.get('From') ?? '',
      'Call-ID': sent.get('Call-ID') ?? '',
      CSeq: `${Number.parseInt(sent.get('CSeq') ?? '1', 10) + 1} ${method}`,
      ...sequence(),
    };
  }

  function once(all: HeaderFields): Promise<{ readonly sent: DrachtioRequest; readonly response: DrachtioResponse }> {
    const proxy = target.nextHop && hopUri(target.nextHop);
    const { promise, resolve, reject } = Promise.withResolvers<{ sent: DrachtioRequest; response: DrachtioResponse }>();
    const off = onLost((cause) => reject(transportFailure(cause)));
    try {
      const options = { method, headers: headerLines(all), ...(proxy === undefined ? {} : { proxy }) };
      server.request(uri, options, (error, sent) => {
        if (error || !sent) return reject(transportFailure(errorText(error)));
        sent.on('response', (response) => {
          if (response.status < 200) return;
          if (response.source_address) resolve({ sent, response });
          else reject(localFailure(response.status, response.reason));
        });
      });
    } catch (error) {
      reject(transportFailure(errorText(error)));
    }
    return promise.finally(off);
  }
}

function finalOf(response: DrachtioResponse): FinalResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name.toLowerCase()] = splitList(value)[0] ?? '';
  return {
    status: response.status,
    reason: response.reason,
    headers,
    contacts: splitList(response.get('Contact') ?? ''),
  };
}

const transportFailure = (reason: string): InviteFailure =>
  new InviteFailure({ status: 503, reason, cause: 'transport' });
