import { ConfigurationError } from '#marlin/errors.js';
import { findGame } from '#marlin/games/games.js';
import { nothingRequested } from './play.js';

/** The error with which a game refuses options. */
export function refusalOf(
  name: string,
  options: Readonly<Record<string, unknown>>,
  request = nothingRequested,
): ConfigurationError {
  try {
    findGame(name).resolve(options, request);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error('The options were accepted.');
}
