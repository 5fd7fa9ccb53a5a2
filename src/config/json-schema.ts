import { z } from 'zod';
import { DocumentForm } from './schema/document.ts';

/**
 * The JSON Schema (draft 2020-12) of one file of a PBX, for editors. Weaker than the loader where a file is only a part of the document (nothing is
 * required at its top) and where JSON Schema has no words (masks, references).
 */
export function fileSchema(): Record<string, unknown> {
  const { $schema, required: _wholeDocumentOnly, properties, ...rest } = z.toJSONSchema(DocumentForm, { io: 'input' });
  return {
    $schema,
    title: 'A file of a Kommutator PBX',
    ...rest,
    properties: { $schema: { type: 'string', description: 'Where this schema is: editors read it.' }, ...properties },
  };
}

export const fileSchemaText = (): string => `${JSON.stringify(fileSchema(), null, 1)}\n`;
