import { z } from 'zod';
import type { AnswerForm, Route } from './route.ts';
import { components, Failure } from './schemas.ts';

/** Of the API, not of the program: the first number changes when something that clients rely on does. */
const apiVersion = '0.1.0';

/**
 * The OpenAPI 3.1 document of these routes: made of the same schemas that requests are checked by, so that it cannot tell anything else.
 */
export function openApiDocument(routes: readonly Route[]): Record<string, unknown> & { readonly openapi: string } {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] ?? {}, { [route.method.toLowerCase()]: operation(route) });
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kommutator',
      version: apiVersion,
      description:
        'The API of one node. Times of day are ISO 8601 in UTC, lengths whole seconds. Without API_TOKEN, only requests of the same machine are served.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'API_TOKEN of the node.' } },
      schemas: componentSchemas(),
    },
  };
}

const operation = ({ summary, open, parameters, query, body, file, answers }: Route) => ({
  summary,
  ...(open ? { security: [] } : {}),
  parameters: [...parametersIn('path', parameters), ...parametersIn('query', query)],
  ...(body
    ? {
        requestBody: { required: true, content: { 'application/json': { schema: { $ref: reference(nameOf(body)) } } } },
      }
    : {}),
  ...(file
    ? { requestBody: { required: true, content: Object.fromEntries(file.types.map((type) => [type, {}])) } }
    : {}),
  responses: {
    ...Object.fromEntries(Object.entries(answers).map(([status, form]) => [status, response(form)])),
    default: response({ description: 'Refused, or failed', content: { 'application/json': Failure } }),
  },
});

function parametersIn(place: 'path' | 'query', schema: z.ZodObject) {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  return Object.entries(properties).map(([name, form]) => {
    const { description, ...rest } = typeof form === 'object' ? form : {};
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

const response = ({ description, content }: AnswerForm) => ({
  description,
  ...(Object.keys(content).length === 0
    ? {}
    : {
        content: Object.fromEntries(
          Object.entries(content).map(([type, schema]) => [
            type,
            { schema: schema ? { $ref: reference(nameOf(schema)) } : { type: 'string' } },
          ]),
        ),
      }),
});

const reference = (id: string): string => `#/components/schemas/${id}`;

function nameOf(schema: z.ZodType): string {
  const id = components.get(schema)?.id;
  if (id === undefined) throw new Error('an answer or a body has a schema without a name');
  return id;
}

function componentSchemas(): Record<string, unknown> {
  const { schemas } = z.toJSONSchema(components, {
    uri: reference,
    // Answers may grow: a client that refused unknown keys would break.
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $id: _id, $schema: _dialect, ...schema }]) => [id, schema]),
  );
}
