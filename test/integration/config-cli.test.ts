import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { acme, Folder } from '../unit/config/folder.ts';

/** A whole process, as a user starts it. */
function kommutator(argv: readonly string[], env: Record<string, string> = {}) {
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [cli, ...argv], { env: { PATH: process.env.PATH ?? '', ...env } }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

describe('the process', () => {
  it('gives exit codes and no stack traces', async () => {
    await using folder = await Folder.with({ 'acme.json': acme('"rooms": [{}]') });
    const check = await kommutator(['check', folder.path]);
    expect(check.code).toBe(1);
    expect(check.err).toBe('');
    expect(check.out).toContain('missing-key at rooms[0].id');
    const usage = await kommutator(['nonsense']);
    expect(usage.code).toBe(64);
    expect(usage.err).not.toMatch(/^\s+at /m);
  });

  it('names all bad variables on standard error, and does not start', async () => {
    const start = await kommutator(['start'], { RTP_PORTS: 'many', LOG_LEVEL: 'loud' });
    expect(start.code).toBe(1);
    expect(start.out).toBe('');
    expect(start.err.trim().split('\n')).toEqual([
      'kommutator: RTP_PORTS must be a range of ports such as 20000-29999, got "many"',
      expect.stringMatching(/^LOG_LEVEL must be/),
    ]);
  });

  it('ends quietly when nobody reads on', async () => {
    await using folder = await Folder.with({ 'acme.json': acme(`"rooms": [${'{},'.repeat(5000)}{}]`) });
    const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
    const err = await new Promise<string>((resolve) => {
      const child = execFile(process.execPath, [cli, 'check', folder.path], (_error, _out, text) => resolve(text));
      child.stdout?.once('data', () => child.stdout?.destroy());
    });
    expect(err).toBe('');
  });
});

describe('commands that ask a node', () => {
  let server: Server | undefined;

  afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

  /** A node that answers what it is told to, to those who know the token. */
  async function node(answers: Record<string, unknown>) {
    const asked: string[] = [];
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.headers.authorization !== 'Bearer correct-horse') {
        response.writeHead(401).end();
        return;
      }
      const answer = answers[request.url ?? ''];
      response
        .writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
        .end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { asked, env: { HTTP_LISTEN: `127.0.0.1:${port}`, API_TOKEN: 'correct-horse' } };
  }

  async function run(argv: readonly string[], env: Record<string, string>) {
    const out: string[] = [];
    const err: string[] = [];
    const code = await main(argv, { env, out: (text) => out.push(text), err: (text) => err.push(text), color: false });
    return { code, out: out.join('\n'), err: err.join('\n') };
  }

  const call = {
    id: 'c1',
    start: '2026-11-02T09:00:00.123Z',
    direction: 'in',
    from: '79250000000',
    to: '74951234567',
    outcome: 'answered',
    wait: 3,
    talk: 61,
  };

  it('show the latest calls as a table', async () => {
    const { env } = await node({
      '/api/pbxs': [{ id: 'acme' }],
      '/api/pbxs/acme/history?limit=20': { items: [call], next: null },
    });
    const { code, out } = await run(['calls'], env);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'START                 DIRECTION  FROM         TO           LINE  OUTCOME   WAIT  TALK  ID',
      '2026-11-02 09:00:00Z  in         79250000000  74951234567  -     answered     3    61  c1',
    ]);
  });

  it('show phones and calls in progress, or the answers as JSON', async () => {
    const registration = {
      account: 'ivanov@acme.example',
      contact: 'sip:ivanov@127.0.0.9:5070',
      userAgent: 'baresip',
      expires: 60,
    };
    const { env } = await node({ '/api/pbxs/acme/registrations': [registration], '/api/pbxs/acme/calls': [] });
    const status = await run(['status', '--pbx', 'acme'], env);
    expect(status.out).toContain('ivanov@acme.example  sip:ivanov@127.0.0.9:5070  -     baresip');
    expect(status.out).toContain('No call is in progress.');
    const json = await run(['status', '--pbx', 'acme', '--json'], env);
    expect(JSON.parse(json.out)).toEqual({ pbx: 'acme', registrations: [registration], calls: [] });
  });

  it('say what is wrong in one line and what to do in another', async () => {
    const { env } = await node({
      '/api/pbxs': [{ id: 'acme' }, { id: 'globex' }],
      '/api/pbxs/x/history?limit=20': 'nonsense',
    });
    const lines = async (argv: string[], other = {}) => (await run(argv, { ...env, ...other })).err.split('\n');
    expect(await lines(['calls'])).toEqual([
      'kommutator: There are several PBXs: "acme" and "globex"',
      '  Say which one: --pbx <id>',
    ]);
    expect(await lines(['calls', '--pbx', 'x'])).toEqual([
      expect.stringMatching(/answered with something else than a list/),
      expect.anything(),
    ]);
    expect(await lines(['calls', '--pbx', 'y'])).toEqual([
      expect.stringMatching(/history\?limit=20 answered 404 Not Found$/),
    ]);
    expect(await lines(['calls'], { API_TOKEN: 'wrong-horse' })).toEqual([
      expect.stringMatching(/refused the request \(401\)$/),
      expect.stringContaining('API_TOKEN'),
    ]);
    expect(await lines(['calls'], { HTTP_LISTEN: '127.0.0.1:1' })).toEqual([
      expect.stringMatching(/^kommutator: No node answers at http:\/\/127.0.0.1:1: /),
      expect.anything(),
    ]);
  });
});
