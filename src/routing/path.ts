/** The names in a path such as `/rooms/:room`, for the compiler. */

/**
 * The parameters of a path, read from its text: `'/rooms/:room'` gives `{ room: string }`, `:id?` an optional one, and a
 * pattern is left out, as in `:id(\\d+)`. A path that is only known at run time may have any.
 */
export type ParamsOf<Path extends string> = string extends Path
  ? Record<string, string>
  : { [Name in Names<Path> as RequiredName<Name>]: string } & { [Name in Names<Path> as OptionalName<Name>]?: string };

/** What stands between a colon and the next slash. */
type Names<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Split<Name> | Names<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Split<Name>
    : Path extends `${string}*`
      ? '*'
      : never;

/** Two parameters in one segment: `:from-:to`, `:name.:extension`, `:hour(^\\d{2})h:minute(^\\d{2})m`. */
type Split<Name extends string> = Name extends `${infer First}-:${infer Second}`
  ? First | Split<Second>
  : Name extends `${infer First}.:${infer Second}`
    ? First | Split<Second>
    : Name extends `${infer First})${string}:${infer Second}`
      ? First | Split<Second>
      : Name;

type RequiredName<Name extends string> = Name extends `${string}?` ? never : Bare<Name>;
type OptionalName<Name extends string> = Name extends `${infer Plain}?` ? Bare<Plain> : never;
type Bare<Name extends string> = Name extends `${infer Plain}(${string}` ? Plain : Name;

/** The hook and the verbs that take a path's parameters. */
type Taker = 'open' | 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete' | 'options';

/** What a hook takes as its first argument; `never` when the path has it. */
type Unmet<Path extends string, Handler> = {
  [Name in Taker & keyof Handler]: Handler[Name] extends (params: infer Asked) => unknown
    ? ParamsOf<Path> extends Asked
      ? never
      : Name
    : never;
}[Taker & keyof Handler];

/** `unknown` when the path has what the handler's hooks ask for; a text that says what is wrong when not. */
export type Fits<Path extends string, Handler> = string extends Path
  ? unknown
  : [Unmet<Path, Handler>] extends [never]
    ? unknown
    : `${Unmet<Path, Handler>}() asks for a parameter that the path ${Path} does not have`;
