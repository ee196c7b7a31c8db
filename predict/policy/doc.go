// Package policy chooses actions, and says what choosing them is worth.
//
// A [Decision] is a suggestion that was logged with the probability it was chosen by, what was done about it and what came of it. [Train] learns from
// earlier decisions how probable a good outcome is with each action, [Estimate] says from later ones what a policy would have been worth that was not the
// one that chose, and [Chooser] chooses.
//
// # What is identified
//
// Let A be the action suggested, chosen with the logged probability e(A|x); H whether it was held out (offered and not shown), drawn
// independently of everything; F whether a shown one was followed; T = A where it was followed and "none" otherwise; Y the outcome.
//
//	intent to treat   E[Y | suggest and show π(x)]   from the decisions that were not held out, with e(A|x)
//	taken             E[Y | do π(x)]                 from all decisions, with P(T=a|x) = (1-h)·e(a|x)·q(a)
//
// The first needs nothing but what was randomised: that e is what was drawn with, that no other decision in the journey depends on it, and that
// every action the policy chooses had a chance (e > 0). People may follow when they see that it will go well anyhow; then T is confounded and Y
// is not the effect of T. So intent to treat is what is reported first and what models are chosen by. The second assumes that whether A is followed
// depends on A alone, with q(a) = P(F | shown, A=a) estimated and h the share held out; in the simulator that is so.
//
// P(T=none|x) would take e(none|x) of each decision, and an event carries e(A|x) alone. So the value of doing nothing is taken from the decisions
// held out, with h, and from those where none was suggested, with (1-h)·e(none|x), and not from those that were not followed.
package policy
