export declare function nodeOptions(roles: string | undefined): string[];
