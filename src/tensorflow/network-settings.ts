import { z } from 'zod';

/** A network of the user's in an algorithm's settings; see docs/custom-networks.md. */
export const networkSettings = z
  .strictObject({
    /** A module that exports `build`; a relative path counts from the working directory. */
    module: z.union([z.string().min(1), z.instanceof(URL).transform(String)]),
    /** Plain data, handed to `build`. */
    options: z.record(z.string(), z.unknown()).default({}),
  })
  .optional();

export type NetworkSettings = NonNullable<z.infer<typeof networkSettings>>;
