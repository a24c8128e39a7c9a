// Names that scripts find without importing them.

/** What our scripts use of reveal.js. */
interface Deck {
  initialize(options: object): Promise<void>;
  on(event: string, listener: () => void): void;
  next(): void;
  prev(): void;
  slide(h: number, v?: number, step?: number): void;
  getConfig(): { slideNumber: boolean | string };
  getCurrentSlide(): HTMLElement | undefined;
  getIndices(slide?: HTMLElement): { h: number; v: number; f?: number };
  nextFragment(): boolean;
  registerPlugin(plugin: object): void;
  getSlides(): HTMLElement[];
  isOverview(): boolean;
  isPrintView(): boolean;
  isReady(): boolean;
  isScrollView(): boolean;
}

declare var Reveal: Deck;
declare const RevealHighlight: object;
declare const RevealMarkdown: object;
declare const RevealNotes: object;
declare const RevealSearch: object;
declare const RevealZoom: object;

/** The element that `make` makes of `canvas.live-pixels`. */
type Made<Name extends string> = Name extends `${infer Tag}.${string}`
  ? Made<Tag>
  : Name extends keyof HTMLElementTagNameMap
    ? HTMLElementTagNameMap[Name]
    : HTMLElement;
