/**
 * The text by which the server knows the class of a number: the number itself, unless another class is called that, for
 * the server takes a name before a number. The rule is `find_class` of `crates/corpus/src/class_name.rs`.
 */
export function classText(classes: readonly string[], index: number): string;
/** The text for a class, or null where none is selected. */
export function classText(classes: readonly string[], index: number | null): string | null;
export function classText(classes: readonly string[], index: number | null): string | null {
  if (index === null) return null;
  const means = (text: string) => {
    const named = classes.indexOf(text);
    return named < 0 || named === index;
  };
  return [String(index), `#${index}`].find(means) ?? classes[index] ?? String(index);
}
