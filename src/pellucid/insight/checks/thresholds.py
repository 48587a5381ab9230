"""From when on something is worth a word: every threshold of the diagnosis, with its reason.

They are meant to be quiet where a person who knows networks would be quiet: a finding that everybody learns to ignore
hides the one that counts.
"""

# ---- what is looked at

# Activations and gradients are watched on this many records, chosen by a fixed seed: whether a unit is dead shows on
# a few thousand, and memory stays bounded.
RECORDS_WATCHED = 4096
# Of images fewer, down to one batch of the usual size: a layer is given no more values than this at once (2^22 of them
# in float64 are 32 MB).
VALUES_WATCHED = 2**22
FEWEST_WATCHED = 128

# With fewer records than this, a column that predicts the target perfectly, or rows that repeat, are easily chance.
FEWEST_RECORDS = 50
# The same for one class of two: a good column may well rank a handful of records right.
FEWEST_OF_CLASS = 25

# With fewer epochs than this, a curve says nothing yet about where it is going.
FEWEST_EPOCHS = 10

# Comparing all pairs of columns takes memory and time that grow with the square of their number.
MOST_COLUMNS_COMPARED = 2000

# ---- units

# A unit is saturated where it passes on less than a hundredth of the gradient that reaches it. A sigmoid does so
# outside 0.01 to 0.99, a tanh beyond +-0.995.
SATURATED_SLOPE = 0.01
# "Nearly all" of its records: a unit that still moves for one in twenty can still learn.
SATURATED_RECORDS = 0.95
# A few saturated units are switches that training made on purpose, so a quarter of a layer is asked for.
SATURATED_UNITS = 0.25
SATURATED_UNITS_PROBLEM = 0.5
# Dead units are ordinary where ReLUs are plenty: with 64 on 64 over two columns up to a third of the upper layer was
# seen dead in networks that predict as well as any. Karpathy's CS231n notes ("Commonly used activation functions")
# speak of as much as 40 % where the rate is too high. From half on it is worth a word; with a tenth of the units left
# the layer is gone.
DEAD_UNITS = 0.5
DEAD_UNITS_PROBLEM = 0.9

# ---- depth

# The gradient's norm in the lowest layer against that in the highest. Glorot and Bengio (2010, section 4.2) show
# ratios within about ten for networks that learn, and far beyond for those that do not; a thousand leaves room for
# layers of very different widths. At ten thousand the lowest layers stand still, whatever the learning rate.
GRADIENT_RATIO = 1e3
GRADIENT_RATIO_PROBLEM = 1e4
# The spread of a hidden layer's outputs over the records, highest against lowest. He et al. (2015, section 2.2) keep
# it near 1 by their start; a trained network moves by a factor of a few, not by a hundred.
ACTIVATION_RATIO = 100.0

# ---- updates

# Karpathy's CS231n notes, "Ratio of weights:updates": about 1e-3 is usual. Adam's first steps on a narrow layer reach
# 3e-2 and do no harm, so a tenth is where a step begins to rewrite the weights rather than to move them.
UPDATE_RATIO_LARGE = 0.1
# A tenth of the rule of thumb: small, but a fault only if a longer step would also help (below).
UPDATE_RATIO_SMALL = 1e-4
# The learning rate is too low where a step a hundred times as long lowers the loss by nearly a hundred times as much
# (half of it is asked for), so that the loss still falls in a straight line, ...
LONGER_STEP = 100.0
LONGER_STEP_GAIN = 0.5
# ... and one of these lengths would lower it by a share worth having. At a minimum none does.
LONGER_STEPS = (1e2, 1e3, 1e4, 1e5, 1e6)
LONGER_STEP_FALL = 0.01

# ---- the loss

# Karpathy, "A recipe for training neural networks" (2019): verify the loss at the start. He's and Glorot's starts give
# logits of about +-1, which cost some tens of percent above chance; three times chance means that the network is sure
# of what it cannot know.
START_LOSS_CLASSES = 3.0
# For other losses against the best constant: ten times the variance is a target whose mean is three standard
# deviations away from 0, or whose scale is not the network's.
START_LOSS_OTHERS = 10.0
# From here on the first epochs do nothing but undo the start.
START_LOSS_PROBLEM = 100.0
# The share of the constant's loss that is left: at 95 % the network explains a twentieth.
UNDERFITTING = 0.95
# Beyond what a last noisy step does to a network that has settled on the constant.
WORSE_THAN_CONSTANT = 1.01
# The validation loss gave back a tenth of what it had gained (and moved by more than a twentieth of itself, which is
# where the noise of small validation parts ends).
OVERFITTING = 0.1
OVERFITTING_RISE = 0.05
# The next three are shares of the loss at the start (or of the best constant's, if that is higher).
# A curve that has settled brings next to nothing in its last tenth; one that falls in a straight line brings a tenth.
LAST_TENTH = 0.05
# The loss at the end is above that of the first epoch by a tenth: training made things worse.
LOSS_ROSE = 0.1
# In the second half a quarter of the epochs go up, and by 5 % on average: not the noise of batches.
OSCILLATION = 0.05
OSCILLATING_EPOCHS = 0.25

# ---- columns

# Inputs of scale 1 are what the starts of Glorot and He assume (LeCun et al., "Efficient BackProp", 1998, section
# 4.3). Two orders of magnitude between columns leave the small ones without a voice; at three no learning rate suits
# both.
SCALE_RATIO = 100.0
SCALE_RATIO_PROBLEM = 1e3
# Root mean square of a column. Sums of inputs twenty times too large put every sigmoid to the end of its curve; 0 to
# 15, as in counts and grades, does no such harm.
INPUT_SIZE = 20.0
# LeCun et al. (1998, section 4.3): means far from 0 push all updates of a unit in one direction.
MEAN_IN_STDS = 10.0
# Correlations closer to +-1 than this are the same column in another unit, up to rounding.
SAME_COLUMN = 1e-6
# One column alone that is right about (nearly) all pairs of records: in a real table that is an answer in disguise.
LEAKING_AUC = 0.995
LEAKING_CORRELATION = 0.999
# The same for several classes: the share of class changes along the sorted column that is left, against chance.
LEAKING_CHANGES = 0.01

# ---- records

# One record in a hundred: below that, repeats bias no figure that anyone reads.
REPEATED_RECORDS = 0.01
# Tables of few discrete values repeat themselves by nature. Ten times what independent columns would give is more.
REPEATED_BY_CHANCE = 10.0
# A tenth of the held-out records was seen in training: the held-out figure is no longer one.
RECORDS_IN_BOTH_PROBLEM = 0.1
# The smallest class has less than a tenth of an equal share: 5 % of two classes.
SMALLEST_CLASS = 0.1
