// Sizes of the confusion view: from the room there is to whole pixels. Pure.

/** Limit of classes whose cells have numbers; more are drawn as a field of shades. */
export const NUMBERED_CLASSES = 20;

export interface MatrixLayout {
  /** Whether cells show their count; else they are only shaded. */
  numbered: boolean;
  /** Whether there is room for a history under the count. */
  histories: boolean;
  cell_width: number;
  cell_height: number;
  /** Height of the history under the count. */
  history_height: number;
  label_width: number;
  /** Height of the head of the columns; higher when the names stand upright. */
  head_height: number;
  upright: boolean;
}

const HEAD = 44;
const LETTER = 6.2;

/** Width of the recall beside the matrix. */
const RECALL = 132;
/** Width below which the recall is left out and letters replace the names of the classes. */
const PHONE = 600;
/** The least width of the matrix beside its panel. */
const MIN_MATRIX_WIDTH = 520;
/** The height of a cell that is touched. */
const TARGET = 44;

/** The largest cell: beside a panel, and alone. */
const USUAL_CELL = { width: 88, height: 76, text: 1 };
export const largeCell = (text: number) => ({ width: 220, height: 160, text });

export interface MatrixRoom {
  /** Whether letters replace the names of the classes. */
  letters: boolean;
  min: number;
  /** Width of the recall beside the cells. */
  recall: number;
  labelWidth: number;
  wide: number;
  tall: number;
}

/**
 * The room for the cells of the matrix beside its panel; in one column the panel is below, and the page scrolls. In the
 * presenter it is alone. `text` is the size of text over the usual one.
 */
export function matrixRoom(
  available: { width: number; height: number },
  names: readonly string[],
  { narrow, alone, text }: { narrow: boolean; alone: boolean; text: number },
): MatrixRoom {
  const letters = narrow && available.width < PHONE;
  const longest = Math.max(4, ...names.map((name) => name.length));
  const labelWidth = letters ? 30 : Math.round(text * Math.min(148, Math.max(64, longest * 6.5 + 18)));
  const beside =
    narrow || alone ? 0 : 24 + Math.max(421, Math.min(available.width - 828, available.width * 0.42));
  return {
    letters,
    min: narrow ? 0 : MIN_MATRIX_WIDTH,
    recall: letters ? 0 : RECALL * text,
    labelWidth,
    wide: available.width - labelWidth - (letters ? 0 : RECALL * text) - beside,
    tall: alone
      ? available.height - 64 * text
      : narrow
        ? TARGET * Math.max(2, names.length) + HEAD
        : available.height - 45 - 44,
  };
}

/** Cells for a set of names: where a name is wider than its column, all of them stand upright. */
export function namedLayout(
  names: readonly string[],
  width: number,
  height: number,
  labelWidth: number,
  maxCell = USUAL_CELL,
): MatrixLayout {
  const flat = matrixLayout(names.length, width, height - HEAD * maxCell.text, labelWidth, maxCell);
  const letter = LETTER * maxCell.text;
  const longest = Math.max(1, ...names.map((name) => name.length)) * letter;
  const usual = (names.reduce((sum, name) => sum + name.length, 0) / Math.max(1, names.length)) * letter;
  if (!flat.numbered || (longest <= flat.cell_width + 8 && usual <= flat.cell_width - 8)) return flat;
  const head_height = Math.round(Math.min(110 * maxCell.text, longest + 28));
  const cells = matrixLayout(names.length, width, height - head_height, labelWidth, maxCell);
  return { ...cells, head_height, upright: true };
}

/** Cells as large as the room allows, in whole pixels, at the proportions of 60 x 52. */
export function matrixLayout(
  classes: number,
  width: number,
  height: number,
  labelWidth: number,
  maxCell = USUAL_CELL,
): MatrixLayout {
  const numbered = classes <= NUMBERED_CLASSES;
  const byHeight = Math.floor(height / classes);
  const byWidth = Math.floor(width / classes);
  if (!numbered) {
    const side = Math.max(1, Math.min(maxCell === USUAL_CELL ? 24 : 48, byHeight, byWidth));
    return {
      numbered,
      histories: false,
      cell_width: side,
      cell_height: side,
      history_height: 0,
      label_width: labelWidth,
      head_height: HEAD,
      upright: false,
    };
  }
  const tall = Math.max(20, Math.min(maxCell.height, byHeight));
  const proportion = maxCell.text > 1 ? 100 / 52 : 60 / 52;
  const wide = Math.max(30, Math.min(maxCell.width, byWidth, Math.max(60, Math.round(tall * proportion))));
  return {
    numbered,
    histories: tall >= 40 * maxCell.text && wide >= 44,
    cell_width: wide,
    cell_height: tall,
    history_height: Math.min(tall - Math.round(35 * maxCell.text), Math.round(tall * 0.36)),
    label_width: labelWidth,
    head_height: Math.round(HEAD * maxCell.text),
    upright: false,
  };
}

export interface TileLayout {
  scale: number;
  columns: number;
  /** Images on a page: at least the requested number, more where whole rows of them fit. */
  page: number;
}

/** The largest whole scale at which a page of tiles fits; never below `min`, then the page scrolls. */
export function tileLayout(
  count: number,
  available: { width: number; height: number },
  image: { width: number; height: number },
  spacing: { gap: number; under: number; min: number; max: number },
): TileLayout {
  const columnsAt = (scale: number) =>
    Math.max(1, Math.floor((available.width + spacing.gap) / (image.width * scale + spacing.gap)));
  const rowsAt = (scale: number) =>
    Math.floor((available.height + spacing.gap) / (image.height * scale + spacing.under + spacing.gap));
  for (let scale = spacing.max; scale >= spacing.min; scale--) {
    const columns = columnsAt(scale);
    const fit = columns * rowsAt(scale);
    if (fit >= count) return { scale, columns, page: Math.min(fit, 3 * count) };
  }
  const columns = columnsAt(spacing.min);
  return { scale: spacing.min, columns, page: count };
}

/** The whole scale that brings an image nearest to `side` pixels, never below 1. */
export function wholeScale(pixels: number, side: number): number {
  return Math.max(1, Math.round(side / pixels));
}
