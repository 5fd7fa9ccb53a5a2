import fastify from 'fastify';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../../src/http/app.ts';
import { openApiDocument } from '../../../src/http/openapi.ts';
import { inJson, jsonReply, route } from '../../../src/http/route.ts';
import { allRoutes } from '../../../src/http/routes/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeNode } from '../../support/http-ports.ts';

const node = {
  ports: new FakeNode().ports,
  clock: new FakeClock(),
  log: pino({ level: 'silent' }),
  closing: new AbortController().signal,
};

/** As far as the tests look into it. */
const Document = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        summary: z.string().min(1),
        security: z.array(z.unknown()).optional(),
        parameters: z.array(
          z.object({
            name: z.string(),
            in: z.enum(['path', 'query']),
            required: z.boolean(),
            schema: z.record(z.string(), z.unknown()),
          }),
        ),
        responses: z.record(z.string(), z.object({ description: z.string().min(1) })),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
});
const document = Document.parse(openApiDocument(allRoutes(node)));

/** Of all routes in a tree that fastify printed. HEAD comes with every GET. */
const methodsOf = (tree: string): string[] =>
  [...tree.matchAll(/\S+ \(([A-Z, ]+)\)/g)]
    .flatMap(([, methods = '']) => methods.split(', '))
    .filter((method) => method !== 'HEAD');

describe('the OpenAPI document', () => {
  it('tells of every route that fastify serves, and of no other', async () => {
    const app = createApp({ ...node, token: undefined });
    await app.ready();
    const served = methodsOf(app.printRoutes({ commonPrefix: false }));
    const told = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => ({
        method: method.toUpperCase() as 'GET',
        url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
      })),
    );
    expect(told.filter((one) => !app.hasRoute(one))).toEqual([]);
    expect(served).toHaveLength(told.length);
    expect(told.length).toBeGreaterThan(10);
    await app.close();
  });

  it('would be caught telling too little: the routes above are counted as fastify prints them', async () => {
    const app = fastify();
    app.get('/a', async () => '');
    app.post('/a', async () => '');
    app.get('/a/:b/c', async () => '');
    await app.ready();
    expect(methodsOf(app.printRoutes({ commonPrefix: false })).toSorted()).toEqual(['GET', 'GET', 'POST']);
    await app.close();
  });

  it('names every parameter of a path, and no other', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values(operations)) {
        const told = parameters.filter((parameter) => parameter.in === 'path');
        expect(told.map(({ name }) => name).toSorted(), path).toEqual(inPath.toSorted());
        expect(told.every(({ required }) => required)).toBe(true);
      }
    }
  });

  it('tells how the history is filtered', () => {
    const parameters = document.paths['/api/pbxs/{pbx}/history']?.get?.parameters ?? [];
    const schemas = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]));
    expect(schemas).toMatchObject({
      limit: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
      since: { type: 'string', format: 'date-time' },
      outcome: { type: 'array', items: { enum: ['answered', 'missed', 'failed', 'technical'] } },
      cursor: { type: 'string' },
    });
    expect(parameters.filter(({ in: place }) => place === 'query').every(({ required }) => !required)).toBe(true);
  });

  it('refers only to schemas that it has, and leaves answers open to growth', () => {
    const text = JSON.stringify(document);
    const raw = openApiDocument(allRoutes(node));
    const references = JSON.stringify(raw).matchAll(/"\$ref":"([^"]+)"/g);
    const names = new Set([...references].map(([, reference = '']) => reference));
    expect(names.size).toBeGreaterThan(10);
    for (const name of names) {
      expect(name).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(Object.keys(document.components.schemas)).toContain(name.split('/').at(-1));
    }
    expect(text).not.toContain('"additionalProperties":false');
    expect(text).not.toContain('"$id"');
  });

  it('says which routes need no token', () => {
    const open = Object.entries(document.paths).filter(([, { get }]) => get?.security?.length === 0);
    expect(open.map(([path]) => path).toSorted()).toEqual(['/healthz', '/readyz']);
  });

  it('is refused when an answer has no name', () => {
    const nameless = route({
      method: 'GET',
      path: '/x',
      summary: 'x',
      answers: { 200: inJson('x', z.object({})) },
      handle: () => jsonReply({}),
    });
    expect(() => openApiDocument([nameless])).toThrow('without a name');
  });
});
