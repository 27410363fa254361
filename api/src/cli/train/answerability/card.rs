//! The card of the model: how the data were seen is told here, so that it can never lag behind its weights.

use eval::Metrics;
use knowledge::Answerability;

use super::{FEWS, HALVES, Seen, WRONG_COST};

/// The card.
pub fn card(seen: &Seen, model: &Answerability, metrics: &Metrics) -> String {
    let questions = seen.questions.len();
    let answered = seen
        .questions
        .iter()
        .filter(|question| !question.answer.is_empty())
        .count();
    let languages: Vec<&str> = model.by_language.keys().map(String::as_str).collect();
    format!(
        "# answerability\n\nSays how probable it is that the knowledge base answers a question at all, and below which \
         probability to be silent: a logistic model over the passage that comes first. Fitted by `deskwise train \
         answerability`; no weight is set by hand.\n\n\
         **Made from** the cosine of question and passage; the share of the question's telling words that the passage \
         says, in any form or mistyped; the share of them that any of the first eight passages says; identifiers and \
         quoted phrases that few other passages hold; how many telling words there are. No probability is higher than \
         the share answered among the surest tenth ({ceiling:.3}, by the rule of succession). Nothing grows with the \
         knowledge base: one right article among three is as sure as among three thousand.\n\n\
         **Learnt from** {questions} questions, {answered} of them answered, asked of {articles} articles by the \
         desk's own knowledge base, and again of {HALVES} draws of half of them and {FEWS} of a tenth, so that what \
         has lost its answer and small bases are known. Languages with weights of their own: {languages}; there an \
         example in another language counts in part.\n\n\
         **Measured** on all articles by five-fold cross-validation over topics (an article, its twin in the other \
         language and the questions about both stay together). A wrong article is taken to be {WRONG_COST} times as bad as \
         silence, hence the threshold of {threshold:.3}. Intervals resample topics. `shown_precision` is the share of what is \
         shown that the articles answer, `shown_first_right` the share whose first passage is of the right \
         article.\n\n{figures}\n\n\
         **What it cannot tell.** The questions were written for this purpose by a writer who knew the articles: about \
         half have no answer, most of those about the very products, and a probability fitted on them carries that \
         share. An article on the same thing that says something else is told from the right one by words alone, so \
         near misses are most of what is wrongly shown; questions in another language than the article, and those \
         that word everything differently, are most of what is wrongly silent. No ticket of a page's length was among \
         the questions.\n",
        ceiling = model.ceiling,
        threshold = model.threshold,
        articles = seen.articles,
        languages = languages.join(", "),
        figures = metrics.to_markdown(),
    )
}
