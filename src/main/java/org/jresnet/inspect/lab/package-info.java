/**
 * The residual lab: experiments on the branches and shortcuts of a network. An {@link
 * org.jresnet.inspect.lab.Experiment} is one class and one line in {@link
 * org.jresnet.inspect.lab.Experiments}; {@link org.jresnet.inspect.lab.Lab} runs them and keeps
 * what they find.
 */
package org.jresnet.inspect.lab;
