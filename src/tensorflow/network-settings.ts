import * as v from 'valibot';
import { anySettings, moduleAddress, strictSettings } from '../schemas.js';

/** A network of the user's in an algorithm's settings; see docs/custom-networks.md. */
const schema = strictSettings({
  /** A module that exports `build`. */
  module: v.pipe(moduleAddress, v.transform(String)),
  /** Plain data, handed to `build`. */
  options: v.optional(anySettings, {}),
});

export const networkSettings = v.optional(schema);

export type NetworkSettings = v.InferOutput<typeof schema>;
