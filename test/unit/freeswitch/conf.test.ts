import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OWNER, OWNER_HEADER } from '../../../src/freeswitch/channel.ts';
import { PROFILE, REQUIRED } from '../../../src/freeswitch/check.ts';

const folder = join(import.meta.dirname, '../../../freeswitch-conf');
const files = globSync('**/*.xml', { cwd: folder });
const textOf = (file: string): string => readFileSync(join(folder, file), 'utf8');

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The elements of a document in order. Throws where tags do not match, a name is doubled, or something else than blanks stands between. */
function elementsOf(xml: string): Element[] {
  const open: string[] = [];
  const elements: Element[] = [];
  const tags = /<!--(?:(?!--)[\s\S])*-->|<\?xml[^>]*\?>|<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)|</g;
  for (const [whole, closing, name, rest = '', selfClosing, text] of xml.matchAll(tags)) {
    if (whole === '<' || (text !== undefined && text.trim() !== '')) throw new Error(`not XML: ${whole.slice(0, 60)}`);
    if (name === undefined) continue;
    if (closing) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    const pairs = [...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value] as const);
    if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw new Error(`an attribute twice in <${name}>`);
    elements.push({ name, attributes: Object.fromEntries(pairs) });
    if (!selfClosing) open.push(name);
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is not closed`);
  return elements;
}

const paramsOf = (file: string): Record<string, string> =>
  Object.fromEntries(
    elementsOf(textOf(file))
      .filter(({ name }) => name === 'param')
      .map(({ attributes }) => [attributes.name ?? '', attributes.value ?? '']),
  );

const main = elementsOf(textOf('freeswitch.xml'));
const preprocess = (command: string): string[] =>
  main.flatMap(({ name, attributes }) =>
    name === 'X-PRE-PROCESS' && attributes.cmd === command ? [attributes.data ?? ''] : [],
  );

describe('freeswitch-conf', () => {
  it.each(files)('%s is XML', (file) => {
    expect(elementsOf(textOf(file)).length).toBeGreaterThan(0);
  });

  it('is held to XML by a test that sees what is wrong', () => {
    for (const broken of ['<a><b></a>', '<a>', '<a x="1" x="2"/>', '<a>text</a>', '<a b=c/>', '</a>']) {
      expect(() => elementsOf(broken), broken).toThrow();
    }
  });

  it('includes every file, and only files that exist', () => {
    const patterns = files.flatMap((file) =>
      elementsOf(textOf(file)).flatMap(({ attributes }) =>
        attributes.cmd === 'include' ? [join(file, '..', attributes.data ?? '')] : [],
      ),
    );
    const included = patterns.flatMap((pattern) => {
      const found = globSync(pattern, { cwd: folder });
      expect(found, pattern).not.toEqual([]);
      return found;
    });
    expect(included.map((file) => relative(folder, join(folder, file))).sort()).toEqual(
      files.filter((file) => file !== 'freeswitch.xml').sort(),
    );
  });

  it('sets each variable that it uses, and documents each that it takes from the environment', () => {
    const set = new Set(['set', 'env-set', 'exec-set'].flatMap(preprocess).map((data) => data.split('=')[0]));
    // FreeSWITCH's own.
    set.add('temp_dir');
    const used = files.flatMap((file) => [...textOf(file).matchAll(/\$\$\{(\w+)\}/g)].map(([, name]) => name));
    expect(used.filter((name) => !set.has(name))).toEqual([]);
    const readme = textOf('README.md');
    for (const data of preprocess('env-set')) expect(readme).toContain(`\`${data.split('$')[1]}\``);
  });

  it('loads what the engine asks for', () => {
    const loaded = elementsOf(textOf('autoload_configs/modules.conf.xml')).flatMap(({ name, attributes }) =>
      name === 'load' ? [attributes.module] : [],
    );
    expect(loaded).toEqual(expect.arrayContaining(Object.keys(REQUIRED)));
    expect(loaded).toEqual(expect.arrayContaining(['mod_event_socket', 'mod_commands', 'mod_spandsp', 'mod_shout']));
    expect(new Set(loaded).size).toBe(loaded.length);
  });

  it('has an event socket on loopback, whose password comes from the environment or is nobody’s', () => {
    expect(paramsOf('autoload_configs/event_socket.conf.xml')).toMatchObject({
      'listen-ip': '$${esl_address}',
      'listen-port': '$${esl_port}',
      password: '$${esl_secret}',
      'apply-inbound-acl': '$${esl_acl}',
    });
    expect(preprocess('set')).toEqual(
      expect.arrayContaining(['esl_address=127.0.0.1', 'esl_port=8021', 'esl_acl=loopback.auto']),
    );
    expect(preprocess('env-set')).toContain('esl_secret=$FREESWITCH_SECRET');
    expect(preprocess('exec-set')).toEqual([expect.stringMatching(/^esl_secret=head -c 24 \/dev\/urandom/)]);
    for (const file of files) expect(textOf(file)).not.toContain('ClueCon');
  });

  it('has the SIP profile that the engine looks for, which answers no stranger', () => {
    const elements = elementsOf(textOf(`sip_profiles/${PROFILE}.xml`));
    expect(elements[0]).toEqual({ name: 'profile', attributes: { name: PROFILE } });
    const params = paramsOf(`sip_profiles/${PROFILE}.xml`);
    expect(params).toMatchObject({
      'sip-ip': '$${sip_address}',
      'rtp-ip': '$${address}',
      'sip-port': '$${sip_port}',
      context: 'kommutator',
      'inbound-codec-prefs': 'PCMA,PCMU',
      'dtmf-type': 'rfc2833',
      'renegotiate-codec-on-reinvite': 'true',
    });
    const lists = elementsOf(textOf('autoload_configs/acl.conf.xml')).filter(({ name }) => name === 'list');
    expect(lists.map(({ attributes }) => attributes)).toContainEqual({
      name: params['apply-inbound-acl'],
      default: 'deny',
    });
    // The engine of the same machine may have a public address; nobody else's is let in.
    const allowed = elementsOf(textOf('autoload_configs/acl.conf.xml')).filter(({ name }) => name === 'node');
    expect(allowed.map(({ attributes }) => attributes.cidr).sort()).toEqual(
      ['$${address}/32', '10.0.0.0/8', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].sort(),
    );
  });

  it('connects each leg of the engine to it, and refuses all others', () => {
    const elements = elementsOf(textOf('dialplan/kommutator.xml'));
    expect(elements[0]).toEqual({ name: 'context', attributes: { name: 'kommutator' } });
    const header = ['$', '{sip_h_X-esl-outbound}'].join('');
    const condition = elements.find(({ name }) => name === 'condition');
    expect(condition?.attributes.field).toBe(header);
    const expression = new RegExp(condition?.attributes.expression ?? '');
    for (const address of ['127.0.0.1:40123', '[::1]:40123']) expect(address).toMatch(expression);
    for (const address of ['', '127.0.0.1', '127.0.0.1:1 async; rm', 'lua x.lua'])
      expect(address).not.toMatch(expression);
    expect(elements.filter(({ name }) => name === 'action').map(({ attributes }) => attributes)).toEqual([
      {
        application: 'multiset',
        data: [
          '^^',
          `${OWNER}=${['$', `{sip_h_${OWNER_HEADER}}`].join('')}`,
          ...['park_after_bridge=true', 'hangup_after_bridge=false', 'playback_terminators=none'],
          ...['hold_music=silence', 'rtp_disable_hold=true', 'bridge_generate_comfort_noise=-1'],
          ...['fax_enable_t38=true', 'fax_enable_t38_request=true'],
          // When the engine dies nobody is heard any more.
          'socket_resume=true',
        ].join(';'),
      },
      { application: 'answer' },
      // And nothing behind it: it would be run for a channel that is on its way into a bridge.
      { application: 'socket', data: `${header} async full` },
      { application: 'respond', data: '403' },
    ]);
  });

  it('has RTP ports apart from those of the embedded media server', () => {
    const { 'rtp-start-port': from, 'rtp-end-port': to } = paramsOf('autoload_configs/switch.conf.xml');
    expect([from, to]).toEqual(['$${rtp_from}', '$${rtp_to}']);
    expect(preprocess('set')).toEqual(expect.arrayContaining(['rtp_from=30000', 'rtp_to=39998']));
  });
});
