/** Letters for every class, so that classes do not differ by colour alone. Pure. */

/** Letters beyond which a sign no longer fits into the corner of a picture. */
const MAX_LETTERS = 3;

/** The shortest beginnings of the names that no other name has; numbers where those would be long. */
export function classLetters(classes: readonly string[]): string[] {
  const names = classes.map((name) => name.toLowerCase());
  return names.map((name, index) => {
    for (let length = 1; length <= Math.min(MAX_LETTERS, name.length); length += 1) {
      const sign = name.slice(0, length);
      if (names.every((other, at) => at === index || !other.startsWith(sign))) return sign;
    }
    // A whole name that begins another one is a sign all the same where the other has a longer one.
    const isOnly = names.filter((other) => other === name).length === 1;
    return isOnly && name.length > 0 && name.length <= MAX_LETTERS ? name : String(index);
  });
}
