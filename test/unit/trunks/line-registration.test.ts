import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { type FinalResponse, InviteFailure, type OutgoingRequest } from '../../../src/sip/port.ts';
import { isRegistering, LineRegistration } from '../../../src/trunks/line-registration.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { pbxOf } from '../../support/pbx.ts';
import { seededRandom } from '../../support/seeded-random.ts';

type Answer = Partial<FinalResponse> | 'silence' | 'down';

/** An operator who answers as the test says: the last answer again and again. */
class Operator {
  readonly requests: OutgoingRequest[] = [];
  answers: Answer[] = [{ status: 200, reason: 'OK' }];
  state: 'up' | 'down' = 'up';

  async request(request: OutgoingRequest): Promise<FinalResponse> {
    request.series?.next();
    this.requests.push(request);
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer === 'silence') throw new InviteFailure({ status: 408, reason: 'Request Timeout', cause: 'timeout' });
    if (answer === 'down') throw new InviteFailure({ status: 503, reason: 'refused', cause: 'transport' });
    return { status: 200, reason: 'OK', headers: {}, contacts: [], ...answer };
  }

  get asked(): string[] {
    return this.requests.map(({ headers }) => String(headers?.Expires));
  }
}

let operator: Operator;
let clock: FakeClock;
let certain = true;

afterEach(() => {
  certain = true;
});

function register(more: Record<string, unknown> = {}, answers?: Answer[]) {
  operator = new Operator();
  if (answers) operator.answers = answers;
  clock = new FakeClock();
  const auth = { user: 'acme', password: 'Secret123' };
  const trunk = pbxOf({ trunks: [{ id: 'operator', host: '192.0.2.1', register: true, auth, ...more }] }).trunk(
    'operator',
  );
  if (!trunk || !isRegistering(trunk)) throw new Error('no trunk that registers');
  const changes: string[] = [];
  const line = new LineRegistration({
    trunk,
    mark: 'm4rk',
    sip: operator,
    clock,
    random: seededRandom(1),
    log: pino({ level: 'silent' }),
    mayRegister: () => certain,
    onChange: ({ state, reason }) => void changes.push(reason === undefined ? state : `${state}: ${reason}`),
  });
  line.registerIn(0);
  return { line, changes };
}

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await clock.advance(1000);
    await settle();
  }
}

describe('a REGISTER', () => {
  it('asks for the account at the peer, with a Contact that is known by its mark', async () => {
    register();
    await pass(1);
    expect(operator.requests).toMatchObject([
      {
        method: 'REGISTER',
        target: { uri: 'sip:192.0.2.1:5060;transport=udp' },
        from: { user: 'acme', host: '192.0.2.1' },
        to: { user: 'acme', host: '192.0.2.1' },
        headers: { Contact: '<sip:acme@localhost;transport=udp;line=m4rk>', Expires: '300' },
        auth: { user: 'acme', password: 'Secret123' },
      },
    ]);
  });

  it('names the domain, and goes where the peer is reached', async () => {
    register({ domain: 'operator.test', outbound: { host: '192.0.2.9', ports: '5080-5090' }, transport: 'tcp' });
    await pass(1);
    expect(operator.requests).toMatchObject([
      {
        target: { uri: 'sip:operator.test', nextHop: { protocol: 'tcp', address: '192.0.2.9', port: 5080 } },
        from: { user: 'acme', host: 'operator.test' },
        headers: { Contact: '<sip:acme@localhost;transport=tcp;line=m4rk>' },
      },
    ]);
  });

  it('all have one Call-ID and a growing CSeq', async () => {
    register();
    await pass(250);
    const series = new Set(operator.requests.map((request) => request.series));
    expect(operator.requests.length).toBe(2);
    expect(series.size).toBe(1);
    expect([...series][0]?.next()).toBe(3);
  });
});

describe('a registration', () => {
  it.each([
    [
      'of our Contact among others',
      { contacts: ['<sip:b@192.0.2.7>;expires=30', '<sip:acme@127.0.0.1;line=m4rk>;expires=120'] },
      120,
    ],
    ['of the only Contact, where the mark was lost', { contacts: ['<sip:acme@127.0.0.1>;Expires=90'] }, 90],
    ['of the answer', { headers: { expires: '600' } }, 600],
    ['as it was asked for', {}, 300],
  ])('ends when the operator says: the time %s', async (_name, answer, seconds) => {
    const { line } = register({}, [answer]);
    await pass(1);
    expect(line.health.until).toBe(line.health.since + seconds * 1000);
  });

  it('is refreshed before it ends, for as long as it takes', async () => {
    const { line, changes } = register();
    await pass(3600);
    expect(operator.requests.length).toBeGreaterThanOrEqual(3600 / 210);
    expect(operator.requests.length).toBeLessThanOrEqual(3600 / 150 + 1);
    expect(line.health.until).toBeGreaterThan(clock.now());
    expect(new Set(changes)).toEqual(new Set(['registered']));
  });

  it('too brief for the operator is asked for again at once, and so from then on (423)', async () => {
    register({ expires: 60 }, [{ status: 423, reason: 'Interval Too Brief', headers: { 'min-expires': '600' } }, {}]);
    await pass(500);
    expect(operator.asked).toEqual(['60', '600', '600']);
  });

  it('a 423 that says nothing of use is a refusal', async () => {
    const { changes } = register({}, [{ status: 423, reason: 'Interval Too Brief', headers: { 'min-expires': '10' } }]);
    await pass(5);
    expect(operator.asked).toEqual(['300']);
    expect(changes).toEqual(['refused: REGISTER answered 423 Interval Too Brief']);
  });
});

describe('an operator who', () => {
  it('refuses the password is asked a few times in the first hour, and hourly after that', async () => {
    const { changes } = register({}, [{ status: 401, reason: 'Unauthorized' }]);
    await pass(3600);
    expect(changes[0]).toBe('refused: REGISTER answered 401 Unauthorized: the password is wrong');
    expect(operator.requests.length).toBeLessThanOrEqual(8);
    const inTheFirstHour = operator.requests.length;
    await pass(6 * 3600);
    expect(operator.requests.length - inTheFirstHour).toBeLessThanOrEqual(13);
  });

  it.each([
    ['silence', 'failing: no answer to REGISTER'],
    ['down', 'failing: REGISTER not sent: transport: 503 refused'],
    [{ status: 503, reason: 'Service Unavailable' }, 'failing: REGISTER answered 503 Service Unavailable'],
    [{ contacts: ['<sip:acme@1.2.3.4;line=m4rk>;expires=0'] }, 'failing: REGISTER answered 200, but for no time'],
  ] as const)('is away (%j) is found again soon after he is back', async (answer, said) => {
    const { changes } = register({}, [answer as Answer]);
    await pass(60);
    expect(changes[0]).toBe(said);
    expect(operator.requests.length).toBeLessThanOrEqual(8);
    operator.answers = [{}];
    await pass(60);
    expect(changes.at(-1)).toBe('registered');
  });

  it('asks for patience gets it', async () => {
    register({}, [{ status: 503, reason: 'Busy', headers: { 'retry-after': '90' } }]);
    await pass(89);
    expect(operator.requests.length).toBe(1);
    await pass(2);
    expect(operator.requests.length).toBe(2);
  });
});

describe('nothing is sent', () => {
  it('while our own SIP server is away', async () => {
    const { line, changes } = register();
    operator.state = 'down';
    await pass(60);
    expect(operator.requests).toEqual([]);
    expect(changes).toEqual([]);
    operator.state = 'up';
    line.registerIn(0);
    await pass(1);
    expect(operator.requests.length).toBe(1);
  });

  it('while another node may have the account', async () => {
    register();
    certain = false;
    await pass(60);
    expect(operator.requests).toEqual([]);
    certain = true;
    await pass(2);
    expect(operator.requests.length).toBe(1);
  });
});

describe('at the end', () => {
  it('the registration is taken back, and no timer is left', async () => {
    const { line } = register();
    await pass(1);
    await line.stop();
    expect(operator.asked).toEqual(['300', '0']);
    expect(operator.requests[1]?.headers?.Contact).toBe(operator.requests[0]?.headers?.Contact);
    expect(clock.pending).toBe(0);
  });

  it('there is nothing to take back where there is no registration', async () => {
    const { line } = register({}, [{ status: 403, reason: 'Forbidden' }]);
    await pass(1);
    await line.stop();
    expect(operator.asked).toEqual(['300']);
    expect(clock.pending).toBe(0);
  });

  it('a REGISTER under way is waited for, so that it does not come after', async () => {
    const { line } = register();
    const { promise, resolve } = Promise.withResolvers<FinalResponse>();
    operator.request = async (request) => {
      operator.requests.push(request);
      return operator.requests.length === 1 ? promise : { status: 200, reason: 'OK', headers: {}, contacts: [] };
    };
    await pass(1);
    const stopped = line.stop();
    await settle();
    expect(operator.asked).toEqual(['300']);
    resolve({ status: 200, reason: 'OK', headers: {}, contacts: [] });
    await stopped;
    expect(operator.asked).toEqual(['300', '0']);
  });
});
