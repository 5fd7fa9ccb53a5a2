import { z } from 'zod';

/** An object of the format: an unknown key is an error, not ignored. */
export const object = <const Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape);
