/** Ids from here on are those of images that were sent; images of a corpus are counted from 0. */
const FIRST_OWN_ID = 2 ** 31;

/** True for a picture that the user brought. */
export const isOwnImage = (id: number | null): id is number => id !== null && id >= FIRST_OWN_ID;
