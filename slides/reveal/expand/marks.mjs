// How the parts of a slide begin.

/** A listing begins, or ends. */
export const FENCE = /^ {0,3}(`{3,}|~{3,})/;
/** The notes begin; what is before them, the audience sees. */
export const NOTES = /^\s*notes?:/im;
