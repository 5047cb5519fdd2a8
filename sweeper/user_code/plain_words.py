"""What torch's messages mean, in plain words."""

import re

MEANINGS: tuple[tuple[str, str], ...] = (
    # shapes
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        "a linear layer or matrix product got rows of {2} numbers but takes rows of {3}",
    ),
    (
        r"[Ee]xpected input\w* with shape|expecting embedding dimension|running_mean should contain"
        r"|number of channels in input|must be a 3D tensor|size mismatch|must match the existing size"
        r"|does not broadcast|(?:stack|cat).* (?:equal size|same number of dim)|Tensors must have same number"
        r"|must be the same as input size|batch_size \(\d+\) to match|sum exactly to|don't multiply up to"
        r"|exceeds dimension size|must be batches of square|view size is not compatible|Output size is too"
        r"|Padding size should be less|length of the desired ordering",
        "the shapes of two tensors do not fit",
    ),
    (
        r"Dimension out of range \(expected to be in range of \[-\d+, (-?\d+)\], but got (-?\d+)\)",
        "a tensor has no dimension {2}",
    ),
    (
        r"argument '[^']*' \(position \d+\) must be Tensor, not (\w+)",
        "an operation takes a tensor and got {1}",
    ),
    (r"maximum recursion depth exceeded", "the code calls itself without end"),
    (r"empty parameter list", "the model has no parameters"),
    (r"uninitialized parameter", "a lazy layer has no weights before its first forward pass"),
    (r"Cannot copy out of meta tensor", "a tensor of device meta has no numbers"),
    (
        r"Boolean value of Tensor with more than one|only one element tensors|cannot be converted to Scalar",
        "the model takes a tensor of several numbers for one",
    ),
    (r"created only for scalar outputs", "the loss is a tensor of several numbers, not one"),
    (
        r"input\.size\(-1\) must be equal to input_size\. Expected (\d+), got (\d+)",
        "a recurrent layer got rows of {2} numbers but takes rows of {1}",
    ),
    (
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)",
        "two tensors of unequal sizes, {1} and {2}, meet in one operation",
    ),
    (
        r"expected input\[.*\] to have (\d+) channels, but got (\d+) channels",
        "a convolution got {2} channels but takes {1}",
    ),
    (
        r"Kernel size can't be greater than actual input size",
        "a convolution's kernel is larger than its input",
    ),
    (
        r"Expected .*input to conv|Expected .*\(batched\)|[Ee]xpected (?:input to be )?\d+D|Only 3D, 4D",
        "a layer got an input of the wrong number of dimensions",
    ),
    (
        r"shape '.*' is invalid for input of size|Sizes of tensors must match"
        r"|Expected size for first two dimensions|shapes? .*mismatch|not broadcastable",
        "the shapes of two tensors do not fit",
    ),
    (r"must be divisible", "a size of a layer is no multiple of the number of its heads or groups"),
    (
        r"Expected more than 1 value per channel when training",
        "batch normalization needs more than one row a batch",
    ),
    # values and types
    (r"Target -?\d+ is out of bounds", "a target is no class of the model's output"),
    (r"index out of range in self", "an embedding got a number that it has no row for"),
    (r"index -?\d+ is out of bounds", "an index is larger than the tensor"),
    (
        r"all elements of (?:input|target) should be between 0 and 1",
        "this loss takes numbers from 0 to 1 alone",
    ),
    (
        r"must have the same dtype|expected scalar type|expected target dtype|indices must be long"
        r"|floating point dtype|to have one of the following scalar types"
        r"|Found dtype|not implemented for '(?:Long|Int|Half|BFloat16|Bool|ComplexFloat|ComplexDouble)'",
        "an operation got numbers of a type that it does not take",
    ),
    (
        r"on the same device|not on the expected device|different devices",
        "tensors of different devices meet in one operation",
    ),
    (
        r"not compiled with CUDA|No CUDA GPUs|invalid device ordinal|CUDA driver",
        "this machine has no such device",
    ),
    # memory
    (
        r"can't allocate memory|out of memory|not enough memory|bad_alloc|Cannot allocate memory",
        "there was not enough memory",
    ),
    # gradients
    (
        r"does not require grad and does not have a grad_fn",
        "the loss does not depend on any parameter that is trained, or gradients are off, as they are in an "
        "evaluation",
    ),
    (r"modified by an inplace operation", "the model changes a tensor in place that the gradient needs"),
    (r"leaf Variable that requires grad .*in-place", "the model changes a trained parameter in place"),
    (r"backward through the graph a second time", "a part of the computation is used for two gradients"),
    (
        r"derivative for .* is not implemented|does not implement .*double backward"
        r"|is not differentiable twice",
        "torch has no (second) derivative of one of the operations",
    ),
    (
        r"Can't call numpy\(\) on Tensor that requires grad",
        "the model turns a tensor into an array, through which no gradient goes",
    ),
    (
        r"not positive-definite|is singular|did not converge|failed to converge",
        "a matrix has no such decomposition",
    ),
    # stacks
    (
        r"calling \.item\(\)",
        "the model turns a tensor into a Python number, which a stack of trials cannot do",
    ),
    (
        r"Cannot access data pointer of Tensor",
        "the model turns a tensor into an array of NumPy, which a stack of trials cannot do",
    ),
    (
        r"must override the setup_context staticmethod|generate_vmap_rule|under vmap alone",
        "an autograd.Function without setup_context is called, or torch.func takes a derivative (grad, "
        "jacrev) of layers, which a stack of trials cannot do",
    ),
    (
        r"attempting to call Tensor\.requires_grad_\(\)",
        "requires_grad_() asks for a gradient inside of model or loss, which a stack of trials cannot do",
    ),
    (r"for Sparse|SparseCPU|SparseCsr", "a stack of trials cannot hold sparse tensors"),
    (r"Jitted modules", "a stack of trials cannot hold modules of torch.jit"),
    (
        r"None is not an instance of torch\.nn\.Module",
        "the model makes a layer when it is first called: then it is not trained either",
    ),
    (
        r"vmap: inplace arithmetic",
        "the model writes what it computes into a tensor that is not computed (torch.zeros; x.new_zeros is)",
    ),
    (
        r"dynamic shape",
        "an operation's shape depends on the numbers, which a stack of trials cannot do",
    ),
    (
        r"data-dependent control flow",
        "the model decides by the value of a tensor, which a stack of trials cannot do",
    ),
    (
        r"Batching rule not implemented|[Nn]o batching rule|does not have a batching rule",
        "torch cannot batch one of the model's operations",
    ),
    (
        r"called random operation",
        "the model draws random numbers in a way that a stack of trials cannot repeat",
    ),
    (
        r"escaped from inside a function being vmapped",
        "a tensor of one pass is kept for a later one, or parts run again in the backward pass "
        "(checkpoints), which a stack of trials cannot do",
    ),
    (
        r"marked with @once_differentiable",
        "the model differentiates a recurrent layer twice, which a stack of trials cannot do",
    ),
    (r"vmap", "torch cannot batch the model"),
)
"""(pattern of a message, what it means): the first found counts; ``{1}`` is the pattern's first group."""
OF_TORCH = re.compile(
    r"Exception raised from|INTERNAL ASSERT|enforce fail|\baten::|\bat::|\bc10::|torch\.\w*Tensor\b|pytorch"
    r"|_dynamo|_inductor|CUDA error|cuDNN|CUBLAS"
)
"""What gives away a message that torch wrote for its own developers."""
CUT = re.compile(
    r"Exception raised from.*|C\+\+ CapturedTraceback.*|frame #\d+.*|Hint: .*"
    r"|[Pp]lease (?:file|report|ensure|either|use) .*|If error is occurring somewhere.*"
    r"|[Ff]or debugging consider.*|Compile with `TORCH_.*|Set TORCH.*|Search for `.*"
    r"|Specify retain_graph.*|Use tensor\.detach.*",
    re.DOTALL,
)
PLACE = re.compile(
    r"""(?:^|\s+)(?:at )?["'\[(]?(?:\.{0,2}/[\w.+-]+)+\.(?:cpp|cc|cu|h|hpp)(?!\w)"""
    r"""["'\])]?(?::\d+)?["'\])]?,?"""
    r"|\s+at \w+\.(?:cpp|cc|cu|h):\d+"
)
"""Files of torch's source; never a part of a URL."""
REFUSED = "torch refused an operation"
"""What is said of a message that has no meaning here."""
LONGEST = 200
"""Characters of a message that its meaning stands before."""


def meaning(text: str) -> str:
    """What the message `text` of torch says, a clause without full stop; empty if it is not torch's."""
    for pattern, words in MEANINGS:
        if match := re.search(pattern, text):
            return words.format(match[0], *match.groups())
    return REFUSED if OF_TORCH.search(text) else ""


def shortened(text: str) -> str:
    """A message of torch in one line, without C++ stacks, files of its source and advice to developers."""
    return cut(" ".join(PLACE.sub("", CUT.sub("", text)).split()).rstrip(" ,;"), LONGEST)


def cut(text: str, longest: int) -> str:
    """The first words of `text`, at most `longest` characters; never a part of a word or of a URL.

    A single word that is longer, which no sentence has, is cut where it must be.
    """
    if len(text) <= longest:
        return text
    words = text[: longest + 1].rpartition(" ")[0].rstrip(" ,;:(")
    return f"{words or text[:longest]} …"
