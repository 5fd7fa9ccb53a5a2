import { describe, expect, it } from 'vitest';
import { contactForAnswer, contactForRequest } from '../../../src/sip/own-contact.ts';
import { nativeRequest } from './request-of.ts';

const ours = { Contact: '<sip:kommutator@localhost;transport=tls>' };
const via = { via: 'SIP/2.0/TLS 198.51.100.7:5061;branch=z9hG4bK1' };
const contact = { contact: '<sip:ivanov@198.51.100.7:5061;transport=tls>' };

describe('our Contact in an answer', () => {
  it.each<[string, Parameters<typeof nativeRequest>[0], object]>([
    ['over TLS', { headers: { ...via, ...contact } }, ours],
    ['over TCP', { headers: { via: 'SIP/2.0/TCP 198.51.100.7', ...contact } }, {}],
    ['over a WebSocket with TLS', { headers: { via: 'SIP/2.0/WSS a.invalid', ...contact } }, {}],
    ['to one who calls sips:', { uri: 'sips:100@acme.example', headers: { ...via, ...contact } }, {}],
    ['to one who is at sips:', { headers: { ...via, contact: '"Ivanov" <sips:ivanov@198.51.100.7>' } }, {}],
    ['to one at sips: without brackets', { headers: { ...via, contact: 'sips:ivanov@198.51.100.7' } }, {}],
    ['to one whose name says sips:', { headers: { ...via, contact: '"sips:" <sip:ivanov@198.51.100.7>' } }, ours],
    ['by a proxy with sips:', { headers: { ...via, ...contact, 'record-route': '<sips:proxy.test;lr>' } }, {}],
    [
      'by a proxy with sip:, to one at sips:',
      { headers: { ...via, contact: '<sips:ivanov@198.51.100.7>', 'record-route': '<sip:proxy.test;lr>' } },
      ours,
    ],
  ])('%s', (_, parts, expected) => {
    expect(contactForAnswer(nativeRequest(parts))).toEqual(expected);
  });
});

describe('our Contact in a request', () => {
  const hop = { address: '192.0.2.1', port: 5061 };
  it.each<[string, Parameters<typeof contactForRequest>[0], object]>([
    ['to a peer by TLS', { uri: 'sip:456@192.0.2.1;transport=TLS' }, ours],
    ['to a peer by TCP', { uri: 'sip:456@192.0.2.1;transport=tcp' }, {}],
    ['to a peer without a transport', { uri: 'sip:456@192.0.2.1' }, {}],
    ['to a sips: URI', { uri: 'sips:456@192.0.2.1;transport=tls' }, {}],
    ['by a proxy over TLS', { uri: 'sip:456@acme.example', nextHop: { ...hop, protocol: 'tls' } }, ours],
    ['by a proxy over UDP', { uri: 'sip:456@192.0.2.1;transport=tls', nextHop: { ...hop, protocol: 'udp' } }, {}],
    [
      'to a phone by the connection that it has made',
      {
        uri: 'sip:ivanov@192.0.2.1;transport=tls',
        nextHop: { ...hop, protocol: 'tls' },
        edge: { server: 'tls/192.0.2.9:5061', reach: 'held' },
      },
      {},
    ],
  ])('%s', (_, target, expected) => {
    expect(contactForRequest(target)).toEqual(expected);
  });
});
