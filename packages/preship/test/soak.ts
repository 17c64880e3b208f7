/** Sizes of the long proofs. They run in a short form by default; `SOAK=1` runs the whole form. */
export const SIZES =
  process.env.SOAK === '1'
    ? {
        /** Tools in a list that is too long. All of them can be called. */
        listedTools: 5_000,
        callableTools: 5_000,
        /** Whether the tools of endless and oversized lists can be called. */
        callsListedTools: true,
        /** Tools whose results together exceed the size limit of a connection, and what each result contains. */
        largeResults: 1_000,
        resultOf: 'arrays' as const,
        /** Tools and characters of the hostile surfaces, and the time to judge one. */
        surfaceTools: 1_000,
        surfaceCharacters: 4 * 1024 * 1024,
        surfaceEntries: 1_000_000,
        surfaceMs: 10_000,
      }
    : {
        listedTools: 1_001,
        callableTools: 10,
        callsListedTools: false,
        largeResults: 20,
        resultOf: 'text' as const,
        surfaceTools: 200,
        surfaceCharacters: 1024 * 1024,
        surfaceEntries: 200_000,
        surfaceMs: 5_000,
      }
