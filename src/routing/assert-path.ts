import { quote, RouteError } from '../errors.js';

/**
 * Refuses what the paths' own parser takes, and no request could ever match: its first line has no fragment, and its query is cut off.
 *
 * @throws {@link RouteError} `INVALID_PATH`.
 */
export function assertPath(path: unknown): void {
  const remedy =
    typeof path !== 'string'
      ? 'Give a string, such as "/rooms/:room".'
      : /[?#]/.test(literalOf(path)) && 'A path ends before its query: read that from this.query. Remove ? and #.';
  if (remedy) throw new RouteError('INVALID_PATH', `Invalid path: ${quote(path)}. ${remedy}`);
}

/** A path without the mark of an optional parameter, which has no pattern, and without patterns, which may hold anything. */
function literalOf(path: string): string {
  let literal = path.replace(/(\/:[^/()?#]+)\?(\/?)$/, '$1$2').replaceAll(/\\./g, '');
  for (let before = ''; before !== literal; ) {
    before = literal;
    literal = literal.replaceAll(/\([^()]*\)/g, '');
  }
  return literal;
}
