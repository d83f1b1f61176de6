/**
 * The methods by which a network's answer for an image is explained, and two reconstructions, which look like
 * explanations and are none. Pure.
 */

export interface Method {
  name: string;
  title: string;
  says: string;
  /** How long a map takes: maps of every checkpoint, of some at a time, or of one at a time are asked for. */
  cost: 'film' | 'cheap' | 'dear';
  reconstruction?: true;
}

export const METHODS: readonly Method[] = [
  {
    name: 'layercam',
    title: 'LayerCAM',
    says: 'activations of a late layer, each weighted by its own positive gradient',
    cost: 'film',
  },
  {
    name: 'hirescam',
    title: 'HiResCAM',
    says: 'activations of a late layer times their gradients, positive sums',
    cost: 'film',
  },
  {
    name: 'gradient',
    title: 'Gradient',
    says: 'how strongly each pixel would change the logit',
    cost: 'cheap',
  },
  {
    name: 'smoothgrad',
    title: 'SmoothGrad',
    says: 'the mean gradient of noisy copies of the image',
    cost: 'dear',
  },
  {
    name: 'integrated',
    title: 'Integrated gradients',
    says: 'gradients summed on the way from the mean image',
    cost: 'dear',
  },
  {
    name: 'occlusion',
    title: 'Occlusion',
    says: 'how far the logit falls when a part is covered by the mean colour',
    cost: 'dear',
  },
  {
    name: 'deconvnet',
    title: 'Deconvnet',
    says: 'what passed through the network, run backwards',
    cost: 'cheap',
    reconstruction: true,
  },
  {
    name: 'guided',
    title: 'Guided backprop',
    says: 'what passed through the network, run backwards where it was positive',
    cost: 'cheap',
    reconstruction: true,
  },
];

export const methodNamed = (name: string): Method => METHODS.find((one) => one.name === name) ?? METHODS[0];
