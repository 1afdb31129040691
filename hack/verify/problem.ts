/** What a checker answers: nothing, or one line per problem that names the file and the rule it breaks. */
export type Checker = (root: string) => Promise<string[]>;
